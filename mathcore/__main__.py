"""`python -m mathcore` is the `mathcore` command."""

from mathcore.cli import main

if __name__ == "__main__":
    main(prog_name="mathcore")
