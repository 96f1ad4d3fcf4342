"""`python -m belimo_nb` is `belimo-nb`."""

from belimo_nb.cli import main

main()
