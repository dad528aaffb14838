"""functional_call and stack_module_state beside PyTorch's."""

from __future__ import annotations

from typing import Any

from tests.engine.live import attempt, live


@live
def test_other_parameters(xp: Any) -> Any:
    """A module runs with other parameters, given in one dictionary or two, and keeps its own, also after an error."""
    xp.manual_seed(0)
    model = xp.nn.Sequential(xp.nn.Linear(2, 3), xp.nn.Tanh(), xp.nn.Linear(3, 1))
    own = dict(model.named_parameters())
    new = {name: xp.full_like(p, 0.5) for name, p in own.items()}
    x = xp.ones(1, 2)
    call = xp.func.functional_call
    results = [
        call(model, new, (x,)),
        call(model, ({"0.weight": new["0.weight"]}, {"2.bias": new["2.bias"]}), x),
        call(model, {k: v.detach() for k, v in own.items()}, x) - model(x),
        xp.func.grad(lambda p: call(model, p, x).sum())(new)["2.weight"],
    ]
    failed = attempt(lambda: call(model, new, (xp.ones(1, 5),)))
    kept = all(dict(model.named_parameters())[name] is p for name, p in own.items())
    return [r.detach() for r in results], type(failed).__name__, kept


@live
def test_tied(xp: Any) -> Any:
    """A parameter that a module holds under two names is replaced under both; two values for it are an error."""
    model = xp.nn.Sequential(xp.nn.Linear(2, 2, bias=False), xp.nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    x, two, three = xp.ones(1, 2), xp.full((2, 2), 2.0), xp.full((2, 2), 3.0)
    call = xp.func.functional_call
    return (
        call(model, {"0.weight": two}, x),
        call(model, {"0.weight": two, "1.weight": two}, x),
        call(model, {"0.weight": two, "1.weight": three}, x, tie_weights=False),
        attempt(lambda: call(model, {"0.weight": two, "1.weight": three}, x)),
    )


@live
def test_errors(xp: Any) -> Any:
    """Dictionaries that do not fit are told in PyTorch's words."""
    model, x = xp.nn.Linear(1, 1), xp.ones(1, 1)
    call, one = xp.func.functional_call, xp.ones(1, 1)
    calls = [
        lambda: call(model, {"weigh": one}, x, strict=True),
        lambda: call(model, {"weight": one}, x, strict=True),
        lambda: call(model, ({"weight": one}, {"weight": one}), x),
        lambda: call(model, 3, x),
        lambda: call(model, [3], x),
        lambda: xp.func.stack_module_state([]),
        lambda: xp.func.stack_module_state([model, xp.nn.Linear(1, 1).eval()]),
        lambda: xp.func.stack_module_state([model, xp.nn.Tanh()]),
    ]
    return [attempt(call) for call in calls]


@live
def test_ensemble(xp: Any) -> Any:
    """The stacked parameters of modules are new leaves; vmap runs all modules at once."""
    xp.manual_seed(0)
    models = [xp.nn.Linear(2, 1) for _ in range(3)]
    params, buffers = xp.func.stack_module_state(models)
    x = xp.ones(4, 2)
    together = xp.func.vmap(lambda p, b: xp.func.functional_call(models[0], (p, b), x))(params, buffers)
    return params, buffers, together.detach(), xp.allclose(together, xp.stack([m(x) for m in models]))
