"""The site's own code: verdicts in, Markdown and figures out.

`children` runs what must run (claims, wrong implementations, cells, kernels, pictures, examples) in child processes,
and remembers the results; `model` is what comes back. `pages`, `claim_page`, `cells`, `exercises`, `break_panel`,
`import_page`, `operations_page`, `kernel_page`, `notebook`, `course`, `cards`, `rulers`, `words` are pure functions
of it. `front_matter` reads what a page says of itself, `directives` fills in what it asks for. `formulas` sets TeX,
`after` and `finding` finish a rendered page, `scripts` and `links` let the site be read from a disk. `build` joins
them to two steps, before Markdown is rendered and after, which `steps` runs alone; only `../_hook.py` knows MkDocs.
"""
