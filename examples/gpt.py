"""A small GPT that learns to continue a text, character by character.

``python examples/gpt.py`` runs it on refgrad, ``python examples/gpt.py --torch`` the same lines on PyTorch.
Source: Radford et al., "Improving language understanding by generative pre-training" (2018), section 3.1.
"""

import sys

if "--torch" in sys.argv:
    import torch
else:
    import refgrad as torch
nn, F = torch.nn, torch.nn.functional

TEXT = "the gradient of a sum is the sum of the gradients, and the gradient of a product is not their product. " * 4
LETTERS = sorted(set(TEXT))
CONTEXT, WIDTH, HEADS = 16, 32, 4


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.project, self.join = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH), nn.Dropout(0.1))

    def attend(self, x):
        batch, length, _ = x.shape
        q, k, v = (y.view(batch, length, HEADS, -1).transpose(1, 2) for y in self.project(x).chunk(3, dim=-1))
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.join(heads.transpose(1, 2).reshape(batch, length, WIDTH))

    def forward(self, x):
        x = x + self.attend(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters, self.places = nn.Embedding(len(LETTERS), WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(Block(), Block())
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(LETTERS), bias=False)

    def forward(self, x):
        x = self.letters(x) + self.places(torch.arange(x.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def train(steps=50):
    """The loss of each step."""
    torch.manual_seed(0)
    data = torch.tensor([LETTERS.index(c) for c in TEXT])
    model = GPT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        starts = torch.randint(len(data) - CONTEXT - 1, (8,)).tolist()
        inputs = torch.stack([data[i : i + CONTEXT] for i in starts])
        targets = torch.stack([data[i + 1 : i + CONTEXT + 1] for i in starts])
        loss = F.cross_entropy(model(inputs).view(-1, len(LETTERS)), targets.view(-1))
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
