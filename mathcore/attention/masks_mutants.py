"""Wrong masks for attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant


@mutant("causal_mask", wraps=True)
def own_key_hidden(correct: Any) -> Any:
    """Hides the query's own key."""
    return lambda queries, keys=None, *, query_offset=0: correct(queries, keys, query_offset=query_offset - 1)


@mutant("causal_mask", wraps=True)
def causal_offset_ignored(correct: Any) -> Any:
    """Puts the first query at the first key."""
    return lambda queries, keys=None, *, query_offset=0: correct(queries, keys)


@mutant("window_mask", wraps=True)
def window_one_wider(correct: Any) -> Any:
    """Shows one key more."""
    return lambda *sizes, window, **options: correct(*sizes, window=window + 1, **options)


@mutant("window_mask", wraps=True)
def window_ahead(correct: Any) -> Any:
    """Looks as far ahead as back."""
    return lambda *sizes, window, query_offset=0: (
        correct(*sizes, window=window, query_offset=query_offset)
        | correct(*sizes, window=window, query_offset=query_offset + window - 1)
    )


@mutant("prefix_mask", wraps=True)
def prefix_one_longer(correct: Any) -> Any:
    """Shows the first key behind the prefix."""
    return lambda *sizes, prefix, **options: correct(*sizes, prefix=np.asarray(prefix) + 1, **options)


@mutant("prefix_mask", wraps=True)
def prefix_alone(correct: Any) -> Any:
    """Hides what lies behind the prefix from all queries."""
    return lambda *sizes, prefix, query_offset=0: correct(*sizes, prefix=prefix, query_offset=-(2**30))


@mutant("prefix_mask", wraps=True)
def prefix_moves_with_the_queries(correct: Any) -> Any:
    """Counts the prefix from the first query instead of the first key."""
    return lambda *sizes, prefix, query_offset=0: correct(
        *sizes, prefix=np.maximum(np.asarray(prefix) + query_offset, 0), query_offset=query_offset
    )


@mutant("document_mask", wraps=True)
def earlier_documents_shown(correct: Any) -> Any:
    """Shows the documents before the query's own as well, if they are numbered in order."""
    return lambda documents, key_documents=None: (
        correct(documents, key_documents)
        | (
            np.expand_dims(
                np.asarray(documents)[..., :, None]
                > np.asarray(documents if key_documents is None else key_documents)[..., None, :],
                axis=() if np.ndim(documents) == 1 else -3,
            )
        )
    )


@mutant("padding_mask", wraps=True)
def padding_shown(correct: Any) -> Any:
    """Shows what was filled in, and hides the rest."""
    return lambda lengths, keys: ~correct(lengths, keys)


@mutant("padding_mask", wraps=True)
def last_of_the_row_hidden(correct: Any) -> Any:
    """Hides the last key of each row."""
    return lambda lengths, keys: correct(np.maximum(np.asarray(lengths) - 1, 0), keys)
