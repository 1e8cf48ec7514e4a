"""The earth mover's distance between piles of finitely many points, from both of its ends.

    W₁(a, b) = min over plans π of Σ π_ij·c_ij        (primal: what is carried where)
             = max over u_i + v_j ≤ c_ij of Σ a_i·u_i + Σ b_j·v_j        (dual: what it is worth)

With c_ij = ‖x_i − y_j‖ the dual is sup over 1-Lipschitz f of E_a f − E_b f: a critic's game
(Kantorovich & Rubinstein 1958; Villani 2009, §5). Import this room by name: SciPy's solvers take
a moment.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy import sparse
from scipy.optimize import linprog
from torch import Tensor

from coursekit.errors import CourseError, require

Masses = Float[Tensor, " n"]
OtherMasses = Float[Tensor, " m"]
Costs = Float[Tensor, "n m"]
Places = Float[Tensor, " n"]
OtherPlaces = Float[Tensor, " m"]
Grid = Float[Tensor, " g"]
At = Float[Tensor, "g d"]
Points = Float[Tensor, "n d"]
OtherPoints = Float[Tensor, "m d"]


@dataclass(frozen=True, eq=False)
class Transport:
    """The solution of a transport problem, primal and dual.

    Attributes:
        plan: π_ij, the mass carried from point i to point j, shape (n, m).
        cost: Σ π_ij·c_ij.
        u, v: the potentials of the dual, shapes (n,) and (m,); Σ a·u + Σ b·v equals the cost.
    """

    plan: Costs
    cost: float
    u: Masses
    v: OtherMasses


def distances(x: Points, y: OtherPoints) -> Costs:
    """c_ij = ‖x_i − y_j‖₂ in float64."""
    return (x.double()[:, None] - y.double()).norm(dim=-1)


def earth_mover(a: Masses, b: OtherMasses, cost: Costs) -> Transport:
    """The cheapest plan, by linear programming: n·m unknowns, n + m equations.

    Args:
        a, b: masses of the two piles, at least 0, the same in total.
        cost: of carrying one unit from i to j.

    Raises:
        CourseError: piles of different mass, a negative mass, or a cost of another shape.
    """
    n, m = _checked(a, b, cost)
    leaves = sparse.kron(sparse.eye(n), sparse.csr_array([[1.0] * m]))  # Σ_j π_ij = a_i
    arrives = sparse.kron(sparse.csr_array([[1.0] * n]), sparse.eye(m))  # Σ_i π_ij = b_j
    total = torch.cat([a.double() / a.sum(), b.double() / b.sum()]).numpy()
    sums = sparse.vstack([leaves, arrives])
    solved = linprog(cost.double().flatten().numpy(), A_eq=sums, b_eq=total, method="highs")
    if not solved.success:
        raise CourseError(f"The transport problem was not solved: {solved.message}")
    u, v = torch.from_numpy(solved.eqlin.marginals).split([n, m])
    mass = float(a.sum())
    return Transport(mass * torch.from_numpy(solved.x).view(n, m), mass * float(solved.fun), u, v)


def _checked(a: Masses, b: OtherMasses, cost: Costs) -> tuple[int, int]:
    shape = (len(a), len(b))
    require(tuple(cost.shape) == shape, f"cost has shape {tuple(cost.shape)}, not {shape}.")
    require(bool((a >= 0).all() and (b >= 0).all()), "a and b must be at least 0.")
    alike = abs(float(a.sum() - b.sum())) < 1e-6 * float(a.sum())
    require(alike, f"a holds {float(a.sum()):.4g} and b {float(b.sum()):.4g}; not the same mass.")
    return shape


def poured(x: Places, a: Masses, y: OtherPlaces, b: OtherMasses) -> Costs:
    """The cheapest plan on the line, in closed form: pour from left to right, nothing overtakes.

    In sorted order π_ij = length of [A_{i−1}, A_i] ∩ [B_{j−1}, B_j] with A and B the running sums
    of the masses (Villani 2003, Theorem 2.18).
    """
    rows, columns = x.argsort(stable=True), y.argsort(stable=True)
    A, B = a.double()[rows].cumsum(0), b.double()[columns].cumsum(0)
    top = torch.minimum(A[:, None], B)
    bottom = torch.maximum((A - a.double()[rows])[:, None], B - b.double()[columns])
    plan = torch.empty(len(a), len(b), dtype=torch.float64)
    plan[rows[:, None], columns] = (top - bottom).clamp_min(0)
    return plan


def earth_mover_on_line(x: Places, a: Masses, y: OtherPlaces, b: OtherMasses) -> float:
    """∫ |A(t) − B(t)| dt, A and B being the mass to the left of t (Vallender 1974)."""
    t, gap = _gap(x, a, y, b)
    return float((gap[:-1].abs() * t.diff()).sum())


def potential_on_line(at: Grid, x: Places, a: Masses, y: OtherPlaces, b: OtherMasses) -> Grid:
    """The best critic of the line at the points `at`: f′ = sign(B − A), so |f′| ≤ 1; f(at[0]) = 0.

    Partial integration: E_a f − E_b f = ∫ f′·(B − A) dt, which no f with |f′| ≤ 1 can make larger.
    """
    t, gap = _gap(x, a, y, b)
    climbed = torch.cat([t.new_zeros(1), (-gap[:-1].sign() * t.diff()).cumsum(0)])
    place = (torch.searchsorted(t, at.double().contiguous(), right=True) - 1).clamp(0, len(t) - 1)
    beyond = (at.double() - t[place]).clamp_min(0) * -gap[place].sign()
    values = climbed[place] + beyond
    return values - values[0]


def _gap(x: Places, a: Masses, y: OtherPlaces, b: OtherMasses) -> tuple[Tensor, Tensor]:
    """All places in order, and A − B right of each."""
    places, masses = torch.cat([x, y]).double(), torch.cat([a.double(), -b.double()])
    order = places.argsort(stable=True)
    gap = masses[order].cumsum(0)
    return places[order], gap.where(gap.abs() > 1e-12, 0.0)  # rounding has no direction


def potential(at: At, y: OtherPoints, v: OtherMasses) -> Grid:
    """f(x) = min_j ‖x − y_j‖ − v_j: the dual's solution at every point of space.

    A minimum of cones of slope 1, so 1-Lipschitz; on the points of the two piles it is u and −v
    (the c-transform: Villani 2009, Definition 5.2).
    """
    return (distances(at, y) - v.double()).min(1).values
