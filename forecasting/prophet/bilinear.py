"""Sums for a Gauss-Newton step of a model whose seasonal columns multiply the trend.

f = g c + X_a beta_a, with g = A a the trend (a = offset, slope, changes of slope) and c = 1 + X_m beta_m. f is linear
in v = (a x (1, beta_m), beta_a), so sums over days of the columns Phi of v serve every series and every step: with
Gamma = Phi'W Phi nothing below depends on the number of days. Where Gamma would be too large, or a series is alone
with its dates, the Jacobian is made instead.

Parameters x (B, 2 + K + S) are ordered as the solver's: offset, slope, K seasonal, S changes of slope.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]

# Gamma of 2,000 columns is 32 MB; so many series must share it to be worth its sums.
COLUMNS_MAX, SHARED_FROM = 2_000, 24


class Bilinear(Protocol):
    """Sums of squares of B series, around any parameters of some of them (rows)."""

    def rss(self, x: Array, rows: Rows) -> Array:
        """Return the weighted residual sum of squares at x (b, P), (b,)."""
        ...

    def linear(self, x: Array, rows: Rows) -> tuple[Array, Array]:
        """Linearise at x (b, P): gram (b, P, P) and moment (b, P) of the linear model's target."""
        ...


def bilinear(D: Array, Z: Array, w: Array, multiplicative: Mask) -> Bilinear:
    """Choose the cheaper way. D: (N, 2 + K + S), Z: (B, N), w: (N,), multiplicative: (K,)."""
    K = multiplicative.size
    columns = (D.shape[1] - K) * (1 + int(multiplicative.sum())) + int((~multiplicative).sum())
    if Z.shape[0] >= SHARED_FROM and columns <= COLUMNS_MAX:
        return SharedSums.of(D, Z, w, multiplicative)
    return DayByDay(D, Z, w, multiplicative)


@dataclass(frozen=True)
class DayByDay:
    """The Jacobian of every series, day by day."""

    D: Array
    Z: Array
    w: Array
    multiplicative: Mask

    def rss(self, x: Array, rows: Rows) -> Array:
        """Return the weighted residual sum of squares."""
        residual = self.Z[rows] - self._pieces(x)[2]
        return np.asarray((residual * residual) @ self.w)

    def linear(self, x: Array, rows: Rows) -> tuple[Array, Array]:
        """Linearise at x."""
        g, factor, f = self._pieces(x)
        K = self.multiplicative.size
        J = np.repeat(self.D[None], rows.size, axis=0)
        J[:, :, :2] *= factor[:, :, None]
        J[:, :, 2 + K :] *= factor[:, :, None]
        J[:, :, 2 + np.flatnonzero(self.multiplicative)] *= g[:, :, None]
        Jw = (J * self.w[None, :, None]).transpose(0, 2, 1)
        aim = (self.Z[rows] - f) + (J @ x[:, :, None])[:, :, 0]
        return Jw @ J, (Jw @ aim[:, :, None])[:, :, 0]

    def _pieces(self, x: Array) -> tuple[Array, Array, Array]:
        K = self.multiplicative.size
        X, beta = self.D[:, 2 : 2 + K], x[:, 2 : 2 + K]
        g = x[:, :2] @ self.D[:, :2].T + x[:, 2 + K :] @ self.D[:, 2 + K :].T
        factor = 1.0 + (beta * self.multiplicative) @ X.T
        return g, factor, g * factor + (beta * ~self.multiplicative) @ X.T


@dataclass(frozen=True)
class SharedSums:
    """Gamma, cut by what its columns are, and each series' Phi'Wz.

    q = 2 + S trend columns, i = 1 + K_m factors, o additive columns; (ii) and (qq) are unordered pairs. trend_trend:
    (ii, qq), factor_factor: (qq, ii), trend_factor: (i q, q i), each with the pair that is summed over first. added:
    (o, q, i). plain: (o, o). phi: (B, q, i). psi: (B, o). square: (B,).
    """

    multiplicative: Mask
    gamma: Array
    trend_trend: Array
    factor_factor: Array
    trend_factor: Array
    added: Array
    plain: Array
    phi: Array
    psi: Array
    square: Array

    @classmethod
    def of(cls, D: Array, Z: Array, w: Array, multiplicative: Mask) -> "SharedSums":
        """Sum over the days, once for all series."""
        K = multiplicative.size
        A = np.hstack([D[:, :2], D[:, 2 + K :]])
        X = D[:, 2 : 2 + K]
        C = np.hstack([np.ones((D.shape[0], 1)), X[:, multiplicative]])
        q, i = A.shape[1], C.shape[1]
        Phi = (A[:, :, None] * C[:, None, :]).reshape(D.shape[0], q * i)
        Xa = X[:, ~multiplicative]
        WPhi = Phi * w[:, None]
        gamma = WPhi.T @ Phi
        four = gamma.reshape(q, i, q, i)
        return cls(
            multiplicative,
            gamma,
            _packed(four.transpose(1, 3, 0, 2)),
            _packed(four.transpose(0, 2, 1, 3)),
            np.ascontiguousarray(four.transpose(1, 2, 0, 3)).reshape(i * q, q * i),
            (Xa.T @ WPhi).reshape(-1, q, i),
            (Xa * w[:, None]).T @ Xa,
            (Z @ WPhi).reshape(-1, q, i),
            Z @ (Xa * w[:, None]),
            np.asarray((Z * Z) @ w),
        )

    def rss(self, x: Array, rows: Rows) -> Array:
        """Return the weighted residual sum of squares."""
        a, c, b = self._split(x)
        v = a[:, :, None] * c[:, None, :]
        return self._rss(v, b, rows, *self._missed(v, b, rows))

    def linear(self, x: Array, rows: Rows) -> tuple[Array, Array]:
        """Linearise at x."""
        a, c, b = self._split(x)
        v = a[:, :, None] * c[:, None, :]
        e_trend, e_added = self._missed(v, b, rows)
        pull = self._ordered(
            (e_trend * c[:, None, :]).sum(axis=2),
            (e_trend * a[:, :, None]).sum(axis=1)[:, 1:],
            e_added,
        )
        gram = self._gram(a, c)
        return gram, pull + (gram @ x[:, :, None])[:, :, 0]

    def _rss(self, v: Array, b: Array, rows: Rows, e_trend: Array, e_added: Array) -> Array:
        # z'z - 2 phi'v + v'Gamma v = z'z - v'(phi + e) with e = phi - Gamma v
        inner = (v * (self.phi[rows] + e_trend)).sum(axis=(1, 2))
        inner += (b * (self.psi[rows] + e_added)).sum(axis=1)
        return np.asarray(np.maximum(self.square[rows] - inner, 0.0))

    def _missed(self, v: Array, b: Array, rows: Rows) -> tuple[Array, Array]:
        """Return e = Phi'W(z - f), by the two kinds of columns."""
        n, q, i = v.shape
        of_v = (v.reshape(n, q * i) @ self.gamma).reshape(n, q, i)
        of_v += np.tensordot(b, self.added, axes=1)
        of_b = v.reshape(n, q * i) @ self.added.reshape(-1, q * i).T + b @ self.plain
        return self.phi[rows] - of_v, self.psi[rows] - of_b

    def _gram(self, a: Array, c: Array) -> Array:
        n, q = a.shape
        i, o = c.shape[1], self.plain.shape[0]
        cc = _pairs(c) @ self.trend_trend
        aa = _pairs(a) @ self.factor_factor
        ca = (c[:, :, None] * a[:, None, :]).reshape(n, i * q) @ self.trend_factor
        size = q + i - 1 + o
        G = np.empty((n, size, size))
        t, f = slice(0, q), slice(q, q + i - 1)
        G[:, t, t] = _unpacked(cc, q)
        G[:, f, f] = _unpacked(aa, i)[:, 1:, 1:]
        G[:, t, f] = ca.reshape(n, q, i)[:, :, 1:]
        G[:, q + i - 1 :, t] = np.einsum("oqi,bi->boq", self.added, c, optimize=True)
        G[:, q + i - 1 :, f] = np.einsum("oqi,bq->boi", self.added, a, optimize=True)[:, :, 1:]
        G[:, q + i - 1 :, q + i - 1 :] = self.plain
        G[:, f, t] = G[:, t, f].transpose(0, 2, 1)
        G[:, : q + i - 1, q + i - 1 :] = G[:, q + i - 1 :, : q + i - 1].transpose(0, 2, 1)
        order = self._order(q)
        return np.ascontiguousarray(G[:, order[:, None], order[None, :]])

    def _split(self, x: Array) -> tuple[Array, Array, Array]:
        """Split x into trend parameters (b, q), factors (b, i) with a leading 1, and additive ones (b, o)."""
        K = self.multiplicative.size
        beta = x[:, 2 : 2 + K]
        a = np.hstack([x[:, :2], x[:, 2 + K :]])
        c = np.hstack([np.ones((x.shape[0], 1)), beta[:, self.multiplicative]])
        return a, c, beta[:, ~self.multiplicative]

    def _order(self, q: int) -> Rows:
        """Return the position of each parameter of x in (trend, multiplying, added)."""
        K = self.multiplicative.size
        seasonal = np.empty(K, dtype=np.intp)
        many = int(self.multiplicative.sum())
        seasonal[self.multiplicative] = q + np.arange(many)
        seasonal[~self.multiplicative] = q + many + np.arange(K - many)
        return np.concatenate([np.arange(2), seasonal, np.arange(2, q)]).astype(np.intp)

    def _ordered(self, trend: Array, factor: Array, added: Array) -> Array:
        together = np.hstack([trend, factor, added])
        return np.ascontiguousarray(together[:, self._order(trend.shape[1])])


def _packed(four: Array) -> Array:
    """Keep one of each two equal entries of (i, i, q, q): (pairs of i, pairs of q), the pair of i summed both ways."""
    i, q = four.shape[0], four.shape[2]
    one, other = np.triu_indices(i)
    p, r = np.triu_indices(q)
    both = four[one, other][:, p, r] + four[other, one][:, p, r]
    return np.ascontiguousarray(np.where((one == other)[:, None], 0.5 * both, both))


def _pairs(c: Array) -> Array:
    """Multiply each unordered pair of columns: (n, i) -> (n, i (i + 1) / 2)."""
    one, other = np.triu_indices(c.shape[1])
    return c[:, one] * c[:, other]


def _unpacked(pairs: Array, q: int) -> Array:
    one, other = np.triu_indices(q)
    square = np.empty((pairs.shape[0], q, q))
    square[:, one, other] = pairs
    square[:, other, one] = pairs
    return square
