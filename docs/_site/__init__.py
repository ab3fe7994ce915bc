"""The site's own code: verdicts in, Markdown and figures out.

`children` runs what must run (claims, pictures, examples) in child processes, and remembers the results; `model` is
what comes back. `pages`, `claim_page`, `cards`, `rulers`, `words` are pure functions of it. `formulas` sets TeX, and
`build` joins them; it knows nothing of MkDocs, which only `../_hook.py` does.
"""
