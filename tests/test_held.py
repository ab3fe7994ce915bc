"""Objects that a target returns are judged by their methods."""

import json

import numpy as np
import pytest

import mathcore as mc
from mathcore.verify import Target, verify
from mathcore.verify.errors import NotOfferedError, TargetError
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.held import Held, released, replaced


class Cache:
    """A cache as somebody else writes it: rows are kept in lists, attention is the textbook's."""

    factor = 1.0

    def __init__(self, rows=()):
        self.rows = tuple(rows)

    def __len__(self):
        return sum(k.shape[-2] for k, _ in self.rows)

    def append(self, key, value):
        return type(self)((*self.rows, (key.copy(), value.copy())))

    def attend(self, query, *, mask=None, bias=None, is_causal=True, scale=None, return_lse=False):
        key, value = (np.concatenate(part, -2) for part in zip(*self.rows, strict=True))
        options = {"mask": mask, "bias": bias, "scale": scale, "return_lse": return_lse, "is_causal": is_causal}
        offset = len(self) - query.shape[-2]
        answer = mc.scaled_dot_product_attention(query, key, value, query_offset=offset, **options)
        return tuple(x * self.factor for x in answer) if isinstance(answer, tuple) else answer * self.factor


class TooLarge(Cache):
    factor = 1.5


class WithoutAttend:
    def __len__(self):
        return 0

    def append(self, key, value):
        return self


class Raises(Cache):
    def attend(self, query, **options):
        raise KeyError("no query")


def judged(cache, name="attention.decode_equals_prefill"):
    target = Target.numpy("mine", KeyValueCache=cache, scaled_dot_product_attention=mc.scaled_dot_product_attention)
    return verify(target, name, profile="quick", seed=0).results[0][1]


def test_a_cache_is_judged_by_numbers():
    assert judged(Cache).outcome == "holds"
    wrong = judged(TooLarge)
    assert wrong.outcome == "refuted"
    assert float(wrong.finding.error) > float(wrong.finding.allowance)
    assert not wrong.misbehaved
    assert "value" in wrong.finding.inputs


def test_what_a_method_raises_is_the_targets_and_what_it_lacks_is_not_offered():
    raised = judged(Raises)
    assert (raised.outcome, raised.detail) == ("refuted", "`KeyValueCache.attend` raised KeyError: 'no query'")
    lacking = judged(WithoutAttend)
    assert lacking.outcome == "not_offered"
    assert "the target has no `KeyValueCache.attend`" in [check.detail for check in lacking.checks]


def test_methods_take_and_return_arrays_of_the_framework():
    torch = pytest.importorskip("torch")

    class Doubles:
        def twice(self, x):
            assert isinstance(x, torch.Tensor)
            return 2 * x

        def itself(self):
            return self

        size = 3

    ask = Caller(Target.torch("mine", KeyValueCache=Doubles))
    held = ask("KeyValueCache", (), {})
    assert np.array_equal(held.itself().twice(np.arange(3.0)), [0, 2, 4])
    assert held.size == 3
    assert type(held.size) is int


def test_an_object_has_the_methods_of_python_that_it_has():
    class Bag:
        def __iter__(self):
            return iter([1, 2])

        def __getitem__(self, i):
            return [1, 2][i]

        def __contains__(self, i):
            return i == 1

        def __len__(self):
            return 2

        def __call__(self, x):
            return x + 1

    ask = Caller(Target.numpy("mine", KeyValueCache=Bag, Plan=object))
    bag, bare = ask("KeyValueCache", (), {}), ask("Plan", (), {})
    assert (list(bag), bag[1], 1 in bag, 3 in bag, len(bag), bag(4)) == ([1, 2], 2, True, False, 2, 5)
    assert isinstance(bare, Held)
    assert not hasattr(bare, "__len__")
    assert not hasattr(bare, "anything")
    assert np.ndim(bare) == 0
    with pytest.raises(NotOfferedError, match=r"Plan\.anything"):
        bare.anything()
    with pytest.raises(TargetError, match=r"`KeyValueCache\.__getitem__` raised IndexError"):
        bag[7]
    assert (bag == bag, bag == bare, hash(bag) == hash(released(bag)), bool(bag)) == (True, False, True, True)


def test_a_dataclass_is_replaced_whether_held_or_not():
    plan = Caller(Target.numpy("mine", Plan=mc.Plan))("Plan", (), {"width": 8})
    assert (replaced(plan, width=16).width, replaced(mc.Plan(), width=8).width) == (16, 8)
    with pytest.raises(NotOfferedError, match="__replace__"):
        replaced(Caller(Target.numpy("mine", Plan=object))("Plan", (), {}), width=1)


class Tokenizer:
    """Byte pairs as somebody else writes them, with a file of its own."""

    def __init__(self, merges):
        self._own = mc.BytePairTokenizer(tuple(merges))

    @property
    def merges(self):
        return [list(pair) for pair in self._own.merges]

    def encode(self, text):
        return self._own.encode(text)

    def save(self, path):
        path.write_text(json.dumps(self.merges))


def test_a_foreign_tokenizer_survives_saving():
    def train(text, num_merges):
        return Tokenizer(mc.BytePairTokenizer.train(text, num_merges).merges)

    def load(path):
        return Tokenizer(tuple(map(tuple, json.loads(path.read_text()))))

    def forgets(path):
        return Tokenizer(tuple(map(tuple, json.loads(path.read_text())))[:-1])

    for loads, outcome in ((load, "holds"), (forgets, "refuted")):
        target = Target.numpy("mine", byte_pair_tokenizer=train, load_byte_pair_tokenizer=loads)
        result = verify(target, "bpe.survives_saving", profile="quick", seed=0).results[0][1]
        assert result.outcome == outcome, result.detail
