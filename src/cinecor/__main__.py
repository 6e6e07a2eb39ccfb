"""`python -m cinecor`, which is what `torchrun -m cinecor` starts."""

from cinecor.cli.__main__ import main

main()
