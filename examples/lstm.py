"""An LSTM that learns to add up: the running sum of a sequence, modulo 1.

``python examples/lstm.py`` runs it on refgrad, ``python examples/lstm.py --torch`` the same lines on PyTorch.
Source: Hochreiter and Schmidhuber, "Long short-term memory" (1997), section 5.4.
"""

import sys

if "--torch" in sys.argv:
    import torch
else:
    import refgrad as torch
nn = torch.nn


class Adder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 24, num_layers=2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.head(states)


def train(steps=50):
    """The loss of each step."""
    torch.manual_seed(0)
    model, criterion = Adder(), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        numbers = torch.rand(16, 12, 1)
        loss = criterion(model(numbers), numbers.cumsum(1) % 1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    losses = train()
    for step in range(0, len(losses), 10):
        print(f"step {step:2}: loss {losses[step]:.4f}")
    print(f"at the end: loss {losses[-1]:.4f}")
