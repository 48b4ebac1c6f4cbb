"""`python -m sidecar` is the console script `ascend-sidecar`."""

from sidecar.cli.entry import main

if __name__ == "__main__":
    main()
