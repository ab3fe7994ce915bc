"""What the claims say of other people's libraries: `python -m conformance [LIBRARY …]`, or `conformance/run`.

`libraries/NAME.py` says how a library is called, `libraries/NAME.toml` what a person found out about each refutation,
and `results/NAME.json` what the last run saw. Nobody edits a result.
"""
