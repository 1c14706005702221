"""`python -m wbsite.cli`, as `torchrun -m wbsite.cli train …` needs it."""

from .process import main

if __name__ == "__main__":
    main()
