# SPDX-License-Identifier: Apache-2.0
from typing import Any

# Names and types of what is behind these come from the C headers, when the module is built.
ffi: Any
lib: Any
