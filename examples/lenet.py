"""LeNet: a convolutional network that learns to tell drawn shapes apart.

``python examples/lenet.py`` runs it on refgrad, ``python examples/lenet.py --torch`` the same lines on PyTorch.
Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.B.
"""

import sys

if "--torch" in sys.argv:
    import torch
else:
    import refgrad as torch
nn, F = torch.nn, torch.nn.functional


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.norm = nn.BatchNorm2d(6)
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.Tanh(),
            nn.Dropout(0.2),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, 3),
        )

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv1(x))), 2)
        return self.layers(F.avg_pool2d(torch.tanh(self.conv2(x)), 2))


def shapes(count):
    """Images of squares, crosses and stripes, each somewhere, with noise; and which is which."""
    images, kinds = torch.randn(count, 1, 28, 28) * 0.1, torch.randint(3, (count,))
    for i, kind in enumerate(kinds.tolist()):
        row, column = torch.randint(14, (2,)).tolist()
        window = images[i, 0, row : row + 14, column : column + 14]
        if kind == 0:
            window[2:12, 2:12] += 1
        elif kind == 1:
            window[6:8] += 1
            window[:, 6:8] += 1
        else:
            window[::4] += 1
    return images, kinds


def train(steps=50):
    """The loss of each step."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(steps):
        images, kinds = shapes(16)
        loss = F.cross_entropy(model(images), kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    losses = train()
    for step in range(0, len(losses), 10):
        print(f"step {step:2}: loss {losses[step]:.4f}")
    print(f"at the end: loss {losses[-1]:.4f}")
