"""`python -m cunmai`."""

from cunmai.main import main

main()
