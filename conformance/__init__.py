"""What the claims say of other people's libraries: `python -m conformance [LIBRARY …]`, or `conformance/run`.

`libraries/NAME.py` says how a library is called, `libraries/NAME.toml` what was found out by hand about a refutation,
and `results/NAME.json` what the last run saw. Nobody edits a result.
"""
