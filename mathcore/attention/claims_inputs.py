"""What several claims about attention share."""

from __future__ import annotations

VASWANI = "Vaswani et al., arXiv:1706.03762, §3.2.1"
