"""Autoregressive models of binary images: p(x) = Π p(x_i | pixels before i), and dense ones."""

from collections.abc import Sequence
from math import log, prod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.errors import require
from coursekit.nets.classifiers import Shape, initialise
from coursekit.progress import following
from coursekit.types import Images, Labels, PerExample, Rng

PixelLogits = Float[Tensor, "n 1 h w"]
MaybeLabels = Labels | None


class Autoregressive(nn.Module):
    """A density over binary images that is exact, by the chain rule.

    A subclass gives `logits`, in which no logit depends on its own pixel or on a later one; the
    joint probability and the samples follow from that.

    Attributes:
        shape: (1, h, w) of one image.
        ranks: when each pixel comes, shape (orders, h·w): pixel i is the `ranks[k, i]`-th of order
            k, counted from 0. Order 0 is row by row.
        classes: how many classes it is conditional on; 0 for none.

    Raises:
        CourseError: images of more than one channel.
    """

    ranks: Int[Tensor, "orders d"]
    classes: int = 0

    def __init__(self, shape: Shape, orders: int = 1) -> None:
        super().__init__()
        require(shape[0] == 1, f"shape was {tuple(shape)}; one channel of binary pixels is wanted.")
        require(orders >= 1, f"orders was {orders}; one is the least.")
        self.shape, d = tuple(shape), prod(shape)
        rng = torch.Generator().manual_seed(0)  # the orders are part of the model: always the same
        others = [torch.randperm(d, generator=rng) for _ in range(orders - 1)]
        self.register_buffer("ranks", torch.stack([torch.arange(d), *others]), persistent=False)

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        """log p(x_i = 1 | before) − log p(x_i = 0 | before) for every pixel.

        Args:
            x: binary images, shape (n, 1, h, w).
            y: classes, shape (n,); only where the model is conditional on them.
            order: which of the model's orders says what "before" is.
        """
        raise NotImplementedError

    def order_log_prob(self, x: Images, y: MaybeLabels, order: int) -> PerExample:
        """log p(x) under one of the orders, in nats: a sum of Bernoulli terms."""
        return -F.binary_cross_entropy_with_logits(
            self.logits(x, y, order), x, reduction="none"
        ).flatten(1).sum(1)  # fmt: skip

    def log_prob(self, x: Images, y: MaybeLabels = None) -> PerExample:
        """log p(x) in nats, or log p(x | y) where the model is conditional; shape (n,).

        Of several orders the *joint* probabilities are averaged (Uria et al. 2014, eq. 12): a
        mixture of densities is a density. Averaged logits are none: they do not sum to 1.
        """
        each = [self.order_log_prob(x, y, k) for k in range(len(self.ranks))]
        return torch.stack(each).logsumexp(0) - log(len(each))

    def next_logit(self, x: Images, i: int, y: MaybeLabels = None, order: int = 0) -> PerExample:
        """The logit of pixel `i` (of the flattened image), where only pixels before it matter."""
        return self.logits(x, y, order).flatten(1)[:, i]

    @torch.no_grad()
    def sample(
        self,
        n: int,
        rng: torch.Generator,
        y: MaybeLabels = None,
        given: Images | None = None,
        mask: Tensor | None = None,
        order: int = 0,
    ) -> Images:
        """Ancestral sampling: pixel by pixel in the order, each from its conditional.

        With `given` and `mask` an image is completed: known pixels stay. What is drawn depends on
        known pixels only where they come *before* it in the order; a sample from
        p(unknown | known) it is only where all known pixels come first.

        Args:
            n: how many.
            rng: a CPU generator.
            y: classes, shape (n,), where the model is conditional on them.
            given: binary images, shape (n, 1, h, w).
            mask: bool, true where a pixel is known; shape (n, 1, h, w), or one that expands to it.
            order: along which of the orders.

        Raises:
            CourseError: one of `given` and `mask` without the other, or not `n` of them.
        """
        require((given is None) == (mask is None), "give both given and mask, or neither.")
        require(given is None or len(given) == n, f"n was {n}; give as many images to complete.")
        x = torch.zeros(n, *self.shape).to(next(self.parameters()))
        known = torch.zeros_like(x, dtype=torch.bool)
        if given is not None and mask is not None:
            known = mask.to(x.device).expand_as(x)
            x = torch.where(known, given.to(x), x)
        # the pixel of each step: the inverse of the ranks, not the ranks themselves
        pixels = self.ranks[order].argsort().tolist()
        u, known = torch.rand(n, len(pixels), generator=rng).to(x), known.flatten(1)
        flat = x.flatten(1)  # a view: what is written there stands in x
        for i in following(pixels, "sampling"):
            if not bool(known[:, i].all()):
                drawn = (u[:, i] < self.next_logit(x, i, y, order).sigmoid()).to(x)
                flat[:, i] = torch.where(known[:, i], flat[:, i], drawn)
        return x


class _Triangle(nn.Module):
    """One weight for each pair of d pixels, at first 0; `forward` puts them below the diagonal."""

    rows: Tensor
    columns: Tensor

    def __init__(self, d: int) -> None:
        super().__init__()
        rows, columns = torch.tril_indices(d, d, -1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.d, self.weight = d, nn.Parameter(torch.zeros(len(rows)))

    def forward(self) -> Float[Tensor, "d d"]:
        matrix = self.weight.new_zeros(self.d, self.d)
        return matrix.index_put((self.rows, self.columns), self.weight)


class FVSBN(Autoregressive):
    """Fully visible sigmoid belief network: a logistic regression for each pixel on those before.

    Frey 1998; Gan et al. 2015. d(d − 1)/2 weights and d biases for d pixels; they begin at 0.

    Args:
        shape: (1, h, w).
        rng: not used, for nothing is drawn.
    """

    def __init__(self, shape: Shape, rng: Rng = None) -> None:
        super().__init__(shape)
        self.pairs = _Triangle(prod(shape))
        self.bias = nn.Parameter(torch.zeros(prod(shape)))

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        return F.linear(x.flatten(1), self.pairs(), self.bias).view_as(x)

    def next_logit(self, x: Images, i: int, y: MaybeLabels = None, order: int = 0) -> PerExample:
        row = self.pairs.weight[i * (i - 1) // 2 : i * (i + 1) // 2]
        return x.flatten(1)[:, :i] @ row + self.bias[i]


class NADE(Autoregressive):
    """Neural autoregressive distribution estimator (Larochelle & Murray 2011, eq. 4 to 6).

    h_i = σ(c + Σ_{j<i} W_j x_j) and logit_i = b_i + V_i·h_i. All pixels share W, so that the
    parameters are 2·d·hidden + d + hidden: linear in d.

    Args:
        shape: (1, h, w).
        hidden: units.
        rng: draws the initial weights.
    """

    def __init__(self, shape: Shape, hidden: int = 200, rng: Rng = None) -> None:
        super().__init__(shape)
        d = prod(shape)
        self.W, self.V = (nn.Parameter(torch.empty(d, hidden)) for _ in range(2))
        self.b, self.c = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(hidden))
        for weight, fan_in in ((self.W, d), (self.V, hidden)):
            nn.init.uniform_(weight, -(fan_in**-0.5), fan_in**-0.5, generator=rng)

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        before, parts = self.c.expand(len(x), -1), []
        blocks = [t.split(x.shape[3]) for t in (x.flatten(1).T, self.W, self.V)]
        for pixels, W, V in zip(*blocks, strict=True):  # a row at a time, which fits in the cache
            added = torch.cat([before[:, None], pixels.T[:, :, None] * W], 1).cumsum(1)
            parts.append(torch.einsum("nih,ih->ni", added[:, :-1].sigmoid(), V))
            before = added[:, -1]
        return (torch.cat(parts, 1) + self.b).view_as(x)

    def next_logit(self, x: Images, i: int, y: MaybeLabels = None, order: int = 0) -> PerExample:
        h = (self.c + x.flatten(1)[:, :i] @ self.W[:i]).sigmoid()
        return h @ self.V[i] + self.b[i]


class MADE(Autoregressive):
    """Masked autoencoder for distribution estimation (Germain et al. 2015, eq. 12 and 13).

    A dense network whose masks leave no path from a pixel to its own output or to that of an
    earlier one. Each hidden unit has a degree m in 1 … d − 1 and sees pixels of rank below m; an
    output of rank r sees units of degree at most r. The degrees are spread evenly. One pass gives
    all logits. Another order changes only the masks: the weights are shared (§4.2).

    Direct connections from pixels to outputs are masked too (§4.1). Few hidden units cannot do
    without: an output sees its left neighbour only through a unit of exactly its own degree. Here
    a pair of pixels has one weight, whichever comes first, so that all orders share it.

    Args:
        shape: (1, h, w), of at least two pixels.
        hidden: sizes of the hidden layers.
        orders: how many orders the masks are made for; train several with
            `objectives.order_agnostic`.
        classes: how many classes it is conditional on: each shifts the first hidden layer and the
            output. 0 for none.
        rng: draws the initial weights.
    """

    def __init__(
        self,
        shape: Shape,
        hidden: Sequence[int] = (100,),
        orders: int = 1,
        classes: int = 0,
        rng: Rng = None,
    ) -> None:
        super().__init__(shape, orders)
        d = prod(shape)
        sizes = (d, *hidden, d)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        initialise(self, rng)
        self.pairs = _Triangle(d)
        self.classes = classes
        if classes:
            self.shift_hidden = nn.Parameter(torch.zeros(classes, hidden[0]))
            self.shift_logits = nn.Parameter(torch.zeros(classes, d))
        for k, units in enumerate(hidden):
            spread = 1 + torch.arange(units) * (d - 1) // units
            self.register_buffer(f"degree_{k}", spread, persistent=False)

    def masks(self, order: int = 0) -> list[Tensor]:
        """Of each layer, shaped as its weight: true where a connection stays."""
        rank = self.ranks[order]
        degrees = [getattr(self, f"degree_{k}") for k in range(len(self.layers) - 1)]
        between = [b[:, None] >= a for a, b in zip(degrees, degrees[1:], strict=False)]
        return [rank < degrees[0][:, None], *between, rank[:, None] >= degrees[-1]]

    def direct(self, order: int = 0) -> Float[Tensor, "d d"]:
        """The weights from pixels straight to logits: of each pair of pixels, from the earlier to
        the later one."""
        rank, lower = self.ranks[order], self.pairs()
        return (lower + lower.T) * (rank < rank[:, None])

    def logits(self, x: Images, y: MaybeLabels = None, order: int = 0) -> PixelLogits:
        require(not self.classes or y is not None, "y was None; this model asks for classes.")
        h, masks = x.flatten(1), self.masks(order)
        straight = F.linear(h, self.direct(order))
        for k, (layer, mask) in enumerate(zip(self.layers, masks, strict=True)):
            assert isinstance(layer, nn.Linear)
            h = F.linear(h, layer.weight * mask, layer.bias)
            if self.classes and k == 0:
                h = h + self.shift_hidden[y]
            h = h if k == len(masks) - 1 else h.relu()
        h = h + straight
        return (h + self.shift_logits[y] if self.classes else h).view_as(x)

    def class_log_probs(self, x: Images) -> Float[Tensor, "n k"]:
        """log p(x | y) for every class y. With a uniform prior they are Bayes' logits.

        Raises:
            CourseError: the model is not conditional on classes.
        """
        require(self.classes > 0, "this model has no classes.")
        each = [self.log_prob(x, torch.full((len(x),), k)) for k in range(self.classes)]
        return torch.stack(each, 1)
