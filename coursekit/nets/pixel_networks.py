"""Convolutional, recurrent and attentive models of binary images, pixel by pixel."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import choose, require
from coursekit.nets.autoregressive import Autoregressive, MaybeLabels, PixelLogits
from coursekit.nets.classifiers import Shape, initialise
from coursekit.types import Images, PerExample, Rng


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees only pixels before its own, row by row.

    van den Oord et al. 2016a (§3.4). Mask A leaves out the centre too, and belongs to the first
    layer, whose inputs are pixels; mask B keeps it, for later layers, whose inputs at a pixel know
    only what is before that pixel. One channel of pixels; for RGB the masks would also have to
    order the channels, in convolutions of 1 × 1 too.

    Args:
        kind: "A" or "B".
        inputs, outputs: channels.
        kernel: an odd size.

    Raises:
        CourseError: another kind, or an even kernel.
    """

    mask: Tensor

    def __init__(self, kind: str, inputs: int, outputs: int, kernel: int) -> None:
        choose("kind", kind, ("A", "B"))
        require(kernel % 2 == 1, f"kernel was {kernel}; it must be odd, to have a centre.")
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        before = torch.arange(kernel * kernel) < kernel * kernel // 2 + (kind == "B")
        self.register_buffer("mask", before.view(kernel, kernel), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class RowByRow(Autoregressive):
    """Models that need no rows below a pixel to give its logit."""

    def next_logit(self, x: Images, i: int, y: MaybeLabels = None, order: int = 0) -> PerExample:
        row, column = divmod(i, x.shape[3])
        return self.logits(x[:, :, : row + 1])[:, 0, row, column]


class PixelCNN(RowByRow):
    """Masked convolutions (van den Oord et al. 2016a, §3.4 and figure 2), with residuals.

    What a stack of masked kernels reaches is a cone that opens upwards too steeply: pixels above
    and to the right stay unseen, the *blind spot* (van den Oord et al. 2016b, §2.1 and figure 1).

    Args:
        shape: (1, h, w).
        width: channels.
        depth: masked 3 × 3 layers after the first.
        first: size of the first kernel, which has mask A.
        rng: draws the initial weights.
    """

    def __init__(
        self, shape: Shape, width: int = 32, depth: int = 6, first: int = 7, rng: Rng = None
    ) -> None:
        super().__init__(shape)
        self.first = MaskedConv2d("A", 1, width, first)
        self.later = nn.ModuleList(MaskedConv2d("B", width, width, 3) for _ in range(depth))
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, 1, 1)
        )
        initialise(self, rng)

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        h = self.first(x)
        for layer in self.later:
            h = h + layer(h.relu())
        return self.head(h)


class GatedLayer(nn.Module):
    """One layer of two stacks (van den Oord et al. 2016b, §2.1 to 2.3 and figure 2).

    The vertical stack at row r has seen rows up to r; shifted down by one row it feeds the
    horizontal stack, which has seen the pixels of its row up to its own, or before it if `first`.
    """

    def __init__(self, inputs: int, width: int, kernel: int, first: bool = False) -> None:
        super().__init__()
        self.reach, self.first = kernel // 2, first
        self.vertical = nn.Conv2d(inputs, 2 * width, (kernel // 2 + 1, kernel))
        self.horizontal = nn.Conv2d(inputs, 2 * width, (1, kernel // 2 + (not first)))
        self.down = nn.Conv2d(2 * width, 2 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        r, columns = self.reach, h.shape[3]
        above = self.vertical(F.pad(v, (r, r, r, 0)))
        # in the first layer the pad is wider than the kernel needs: what remains ends before
        # the pixel itself
        beside = self.horizontal(F.pad(h, (r, 0, 0, 0)))[:, :, :, :columns]
        beside = beside + self.down(F.pad(above, (0, 0, 1, 0))[:, :, :-1])
        out = self.out(_gated(beside))
        return _gated(above), out if self.first else h + out


def _gated(x: Tensor) -> Tensor:
    """tanh(f) ⊙ σ(g) (van den Oord et al. 2016b, eq. 2, without a condition)."""
    f, g = x.chunk(2, 1)
    return f.tanh() * g.sigmoid()


class GatedPixelCNN(RowByRow):
    """Two stacks of gated convolutions, without a blind spot (van den Oord et al. 2016b).

    Args:
        shape: (1, h, w).
        width: channels of each stack.
        depth: layers with kernels of 3 after the first.
        first: size of the first kernel.
        rng: draws the initial weights.
    """

    def __init__(
        self, shape: Shape, width: int = 24, depth: int = 5, first: int = 7, rng: Rng = None
    ) -> None:
        super().__init__(shape)
        rest = (GatedLayer(width, width, 3) for _ in range(depth))
        self.layers = nn.ModuleList([GatedLayer(1, width, first, first=True), *rest])
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, 1, 1)
        )
        initialise(self, rng)

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        v = h = x
        for layer in self.layers:
            v, h = layer(v, h)
        return self.head(h)


class RowLSTM(RowByRow):
    """A PixelRNN whose LSTM goes down the rows (van den Oord et al. 2016a, §3.1).

    A row's gates come from the row itself, by masked convolutions, and from the state of the row
    above, by a convolution of size 3. A pixel's context is a triangle above it.

    Args:
        shape: (1, h, w).
        width: units of the LSTM at each pixel.
        first: size of the first kernel, which has mask A.
        rng: draws the initial weights.
    """

    def __init__(self, shape: Shape, width: int = 24, first: int = 7, rng: Rng = None) -> None:
        super().__init__(shape)
        self.first = MaskedConv2d("A", 1, width, first)
        # one row: the kernel's rows above are left to the state
        self.inputs = nn.Conv2d(width, 4 * width, (1, 2))
        self.state = nn.Conv2d(width, 4 * width, (1, 3), padding=(0, 1), bias=False)
        self.head = nn.Sequential(
            nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, 1, 1)
        )  # fmt: skip
        initialise(self, rng)

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        features = self.first(x)
        inputs = self.inputs(F.pad(features, (1, 0, 0, 0)))
        h = c = torch.zeros_like(features[:, :, :1])
        rows = []
        for row in inputs.split(1, 2):
            out, forget, enter, content = (row + self.state(h)).chunk(4, 1)
            c = forget.sigmoid() * c + enter.sigmoid() * content.tanh()
            h = out.sigmoid() * c.tanh()
            rows.append(h)
        return self.head(features + torch.cat(rows, 2))


class CausalAttention(Autoregressive):
    """A small transformer over pixels (Vaswani et al. 2017, §3; Parmar et al. 2018).

    Position i is given the pixel *before* it and its own place; attention looks at positions up to
    i only. There is no blind spot and no distance: every earlier pixel is one step away, at a cost
    that is quadratic in the number of pixels.

    Args:
        shape: (1, h, w).
        width: channels, a multiple of `heads`.
        depth: blocks.
        heads: of each attention.
        rng: draws the initial weights.

    Raises:
        CourseError: `width` is not a multiple of `heads`.
    """

    def __init__(
        self, shape: Shape, width: int = 32, depth: int = 2, heads: int = 4, rng: Rng = None
    ) -> None:
        super().__init__(shape)
        require(width % heads == 0, f"width was {width}; choose a multiple of heads = {heads}.")
        d, self.heads = prod(shape), heads
        self.value = nn.Linear(2, width)  # the pixel before, and whether there is one
        self.place = nn.Parameter(torch.empty(d, width))
        nn.init.normal_(self.place, std=0.1, generator=rng)
        self.qkv = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(depth))
        self.mix = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.mlp = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
            for _ in range(depth)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * depth))
        self.head = nn.Linear(width, 1)
        initialise(self, rng)

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        before = F.pad(x.flatten(1), (1, 0))[:, :-1]
        there = torch.ones_like(before)
        there[:, 0] = 0
        h = self.value(torch.stack([before, there], 2)) + self.place
        for k, (qkv, mix, mlp) in enumerate(zip(self.qkv, self.mix, self.mlp, strict=True)):
            parts = qkv(self.norms[2 * k](h)).unflatten(2, (3, self.heads, -1))
            q, key, v = parts.permute(2, 0, 3, 1, 4)  # each (n, heads, d, width / heads)
            seen = F.scaled_dot_product_attention(q, key, v, is_causal=True)
            h = h + mix(seen.transpose(1, 2).flatten(2))
            h = h + mlp(self.norms[2 * k + 1](h))
        return self.head(h).view_as(x)
