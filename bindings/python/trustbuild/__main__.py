# SPDX-License-Identifier: Apache-2.0
"""`python3 -m trustbuild`: the command line."""
import sys

from ._cli import main

sys.exit(main())
