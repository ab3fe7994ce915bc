"""PyTorch in half precision: the same functions on float16 and bfloat16 tensors, on the CPU."""

from __future__ import annotations

from dataclasses import replace

from conformance.libraries import pytorch

PACKAGES, NAMES = pytorch.PACKAGES, pytorch.NAMES
TARGET = replace(pytorch.TARGET, name="PyTorch, half precision", dtypes=("float16", "bfloat16"))
