"""Parameters as one vector and back, side by side with PyTorch."""

from tests.nn.twins import agree, refuse


def test_round_trip():
    """The vector is part of the graph; putting values back keeps the Parameters and shares the vector's memory."""

    def scene(xp):
        xp.manual_seed(0)
        m = xp.nn.Linear(2, 3)
        before = list(m.parameters())
        vector = xp.nn.utils.parameters_to_vector(m.parameters())
        (vector**2).sum().backward()
        values = xp.arange(9.0)
        xp.nn.utils.vector_to_parameters(values, m.parameters())
        values[0] = 100.0
        return vector, [p.grad for p in before], [a is b for a, b in zip(before, m.parameters())], m.state_dict()

    agree(scene)


def test_no_tensor():
    """Only a tensor can be taken apart."""
    refuse(lambda xp: xp.nn.utils.vector_to_parameters([1.0], [xp.nn.Parameter(xp.ones(1))]))
