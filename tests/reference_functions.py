"""Functions whose derivatives another library has computed: single ops, and 70 made of many.

Each takes NumPy's name space, a name space of special functions, and arrays; so one text serves
`jax.numpy` (`make_reference.py`) and NumPy on variables of ours (`test_reference.py`).  Relies on
nothing but NumPy.  Points are drawn without ties and away from kinks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy

Function = Callable[..., Any]
TABLE: dict[str, tuple[Function, tuple[tuple[int, ...], ...], tuple[float, float]]] = {}
"""Name -> (function, shapes of its arrays, range of the points)."""


def entry(*shapes: tuple[int, ...], low: float = 0.2, high: float = 1.6) -> Any:
    """Enter a function under its own name."""

    def enter(function: Function) -> Function:
        TABLE[function.__name__] = function, shapes, (low, high)
        return function

    return enter


def point(name: str) -> list[numpy.ndarray]:
    """The arrays of a function: numbers of few digits, no two alike in one array."""
    _, shapes, (low, high) = TABLE[name]
    rng = numpy.random.RandomState(zlib.crc32(name.encode()) % 2**31)
    arrays = []
    for shape in shapes:
        size = int(numpy.prod(shape))
        steps = rng.permutation(max(size, 2))[:size] + rng.uniform(0.1, 0.9, size)
        arrays.append(numpy.round(low + (high - low) * steps / max(size, 2), 4).reshape(shape))
    return arrays


def weights(shape: tuple[int, ...]) -> numpy.ndarray:
    """What a result is multiplied with before it is summed."""
    size = int(numpy.prod(shape))
    return (1 + numpy.arange(size) % 7 / 4).reshape(shape)


# -- single ops ----------------------------------------------------------------------------------

UNARY = """exp expm1 exp2 log log1p log2 log10 sqrt square reciprocal negative abs sin cos tan sinh
cosh tanh arctan arcsinh floor ceil sign""".split()
BINARY = "add subtract multiply divide power arctan2 logaddexp maximum minimum fmod".split()
SPECIAL = "erf erfc expit gammaln digamma".split()


def _of_numpy(name: str) -> Function:
    return lambda np, sp, *arrays: getattr(np, name)(*arrays)


def _of_special(name: str) -> Function:
    return lambda np, sp, *arrays: getattr(sp, name)(*arrays)


for _name in UNARY:
    TABLE[_name] = _of_numpy(_name), ((4,),), (0.2, 1.9)
for _name in ("arcsin", "arccos", "arctanh"):
    TABLE[_name] = _of_numpy(_name), ((4,),), (-0.9, 0.9)
TABLE["arccosh"] = _of_numpy("arccosh"), ((4,),), (1.2, 3.0)
for _name in BINARY:
    if _name != "fmod":
        TABLE[_name] = _of_numpy(_name), ((3,), (2, 3)), (0.2, 2.2)
for _name in SPECIAL:
    TABLE[_name] = _of_special(_name), ((4,),), (0.3, 2.5)
for _name in ("sum", "prod", "mean", "max", "min", "var", "std"):
    TABLE[_name] = _of_numpy(_name), ((2, 3),), (0.2, 2.2)
    TABLE[f"{_name}_axis"] = (
        lambda np, sp, x, name=_name: getattr(np, name)(x, axis=0), ((3, 2),), (0.2, 2.2))
for _name in ("softmax", "log_softmax", "logsumexp"):
    TABLE[_name] = (
        lambda np, sp, x, name=_name: getattr(sp, name)(x, axis=-1), ((2, 3),), (-2.0, 2.0))
for _name in ("cumsum", "cumprod", "sort"):
    TABLE[_name] = _of_numpy(_name), ((5,),), (0.4, 2.0)
for _name in ("dot", "matmul", "outer", "kron"):
    TABLE[_name] = _of_numpy(_name), (((2, 2), (2, 2)) if _name != "outer" else ((2,), (3,))), (
        0.2, 2.0)
for _name in ("trace", "diag", "tril", "transpose", "ravel"):
    TABLE[_name] = _of_numpy(_name), ((3, 3),), (0.2, 2.0)


# -- functions made of many ----------------------------------------------------------------------

@entry((4,), low=-2.0, high=2.0)
def logistic(np, sp, x):
    return 1 / (1 + np.exp(-x))


@entry((4,), low=-2.0, high=2.0)
def soft_plus(np, sp, x):
    return np.log(1 + np.exp(x))


@entry((4,), low=-2.0, high=2.0)
def gaussian(np, sp, x):
    return np.exp(-(x**2) / 2) / numpy.sqrt(2 * numpy.pi)


@entry((5,))
def rosenbrock(np, sp, x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@entry((4,))
def rational(np, sp, x):
    return (x**2 + 1) / (x**3 + 2)


@entry((4,))
def sine_quotient(np, sp, x):
    return np.sin(x) / x


@entry((4,))
def nested(np, sp, x):
    return np.tanh(np.sin(np.exp(x / 3)))


@entry((3,))
def self_power(np, sp, x):
    return x**x


@entry((4,), low=-2.0, high=2.0)
def shifted_logsumexp(np, sp, x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


@entry((3, 4), (3, 4), low=0.1, high=2.0)
def cross_entropy(np, sp, scores, target):
    share = target / np.sum(target, axis=1, keepdims=True)
    return -np.mean(np.sum(share * sp.log_softmax(scores, axis=1), axis=1))


@entry((5,))
def standardized(np, sp, x):
    return (x - np.mean(x)) / np.sqrt(np.var(x) + 0.1)


@entry((2, 3), (3,), (3,))
def layer_norm(np, sp, x, gain, shift):
    centred = x - np.mean(x, axis=1, keepdims=True)
    return gain * centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 0.01) + shift


@entry((3, 4), (2, 3), (4,), low=-1.0, high=1.0)
def two_layers(np, sp, first, second, x):
    return np.tanh(second @ np.tanh(first @ x))


@entry((3, 2), (3, 2), (3, 2), low=-1.0, high=1.0)
def attention(np, sp, q, k, v):
    return sp.softmax(q @ k.T / numpy.sqrt(2), axis=-1) @ v


@entry((4, 3), (3,), (4,))
def least_squares(np, sp, a, x, b):
    return np.sum((a @ x - b) ** 2)


@entry((4, 2), (4,))
def ridge(np, sp, a, b):
    return np.linalg.solve(a.T @ a + numpy.eye(2), a.T @ b)


@entry((3, 2))
def log_determinant(np, sp, a):
    return np.log(np.linalg.det(a.T @ a + numpy.eye(2)))


@entry((3,), (3, 3), low=-1.0, high=1.0)
def inverse_form(np, sp, x, a):
    return x @ np.linalg.inv(a @ a.T + 2 * numpy.eye(3)) @ x


@entry((3, 3), (3,), low=-1.0, high=1.0)
def normal_likelihood(np, sp, a, x):
    factor = np.linalg.cholesky(a @ a.T + 2 * numpy.eye(3))
    white = np.linalg.solve(factor, x)
    return np.sum(np.log(np.diag(factor))) + white @ white / 2


@entry((3, 3))
def cube_trace(np, sp, a):
    return np.trace(a @ a @ a)


@entry((2, 3))
def frobenius(np, sp, a):
    return np.linalg.norm(a)


@entry((2,), (2, 3), (3,))
def bilinear(np, sp, x, a, y):
    return x @ a @ y


@entry((2, 3), (3, 2), (2, 2))
def einsum_ring(np, sp, a, b, c):
    return np.einsum("ij,jk,ki->", a, b, c)


@entry((2, 3), (3, 4))
def einsum_outer(np, sp, a, b):
    return np.einsum("ij,jk->ki", a, b) ** 2


@entry((2, 3, 2), (3, 2, 2))
def tensor_contraction(np, sp, a, b):
    return np.tensordot(a, b, axes=[[1, 2], [0, 1]])


@entry((5,))
def running_total(np, sp, x):
    return np.cumsum(x**2) * x


@entry((4,))
def running_product(np, sp, x):
    return np.cumprod(np.sin(x))


@entry((4,))
def geometric_mean(np, sp, x):
    return np.prod(x) ** 0.25


@entry((5,), (3,))
def convolution(np, sp, x, kernel):
    return kernel[0] * x[:-2] + kernel[1] * x[1:-1] + kernel[2] * x[2:]


@entry((5,))
def spring_energy(np, sp, x):
    return np.sum((x[1:] - x[:-1]) ** 2) + np.sum(x**4) / 4


@entry((4, 4))
def grid_energy(np, sp, u):
    inside = u[1:-1, 1:-1]
    bend = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * inside
    return np.sum(bend**2) + np.sum(np.cos(u))


@entry((2,), (2,), low=0.2, high=0.8)
def logistic_map(np, sp, x, rate):
    for _ in range(4):
        x = 3 * rate * x * (1 - x)
    return x


@entry((3,), low=1.0, high=3.0)
def newton_root(np, sp, x):
    guess = x
    for _ in range(5):
        guess = (guess + x / guess) / 2
    return guess


@entry((5,), (3,))
def horner(np, sp, coefficients, x):
    value = 0 * x
    for k in range(5):
        value = value * x + coefficients[k]
    return value


@entry((3,), low=-0.9, high=0.9)
def chebyshev(np, sp, x):
    before, now = 1 + 0 * x, x
    for _ in range(4):
        before, now = now, 2 * x * now - before
    return now


@entry((3, 2))
def squared_distances(np, sp, x):
    return np.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=-1)


@entry((3, 2), (3,), (1,))
def kernel_mean(np, sp, x, heights, width):
    distances = np.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=-1)
    return np.exp(-distances / width) @ heights


@entry((4,), low=-2.0, high=2.0)
def pieces(np, sp, x):
    return np.where(x > 0.3, x**2, np.sin(x))


@entry((4,), (4,), low=-2.0, high=2.0)
def hinge(np, sp, x, y):
    return np.sum(np.maximum(0.0, 1 - x * y))


@entry((5,), low=-3.0, high=3.0)
def huber(np, sp, x):
    return np.where(np.abs(x) < 1.1, x**2 / 2, 1.1 * (np.abs(x) - 0.55))


@entry((5,), low=-2.0, high=2.0)
def clipped(np, sp, x):
    return np.clip(x, -0.77, 1.13) ** 3


@entry((3, 4))
def row_peaks(np, sp, x):
    return np.max(x**2, axis=1) * np.min(x, axis=1)


@entry((5,))
def spread(np, sp, x):
    return (np.max(x) - np.min(x)) / np.std(x)


@entry((5,))
def sorted_mean(np, sp, x):
    return np.sum(np.sort(np.sin(3 * x)) * numpy.arange(1.0, 6.0))


@entry((4,))
def three_norm(np, sp, x):
    return np.sum(np.abs(x) ** 3) ** (1 / 3)


@entry((4,))
def entropy(np, sp, x):
    share = x / np.sum(x)
    return -np.sum(share * np.log(share))


@entry((4,), (4,))
def divergence(np, sp, x, y):
    p, q = x / np.sum(x), y / np.sum(y)
    return np.sum(p * np.log(p / q))


@entry((4,), (4,))
def poisson(np, sp, rate, count):
    return np.sum(rate - count * np.log(rate) + sp.gammaln(count + 1))


@entry((3,), (1,), low=0.5, high=3.0)
def student(np, sp, x, degrees):
    return (sp.gammaln((degrees + 1) / 2) - sp.gammaln(degrees / 2)
            - (degrees + 1) / 2 * np.log(1 + x**2 / degrees))


@entry((3,), (3,))
def beta_logarithm(np, sp, x, y):
    return sp.gammaln(x) + sp.gammaln(y) - sp.gammaln(x + y)


@entry((4,), low=-2.0, high=2.0)
def normal_distribution(np, sp, x):
    return (1 + sp.erf(x / numpy.sqrt(2))) / 2


@entry((4,), low=-2.0, high=2.0)
def gelu(np, sp, x):
    return x * (1 + sp.erf(x / numpy.sqrt(2))) / 2


@entry((4,), low=-2.0, high=2.0)
def swish(np, sp, x):
    return x * sp.expit(1.5 * x)


@entry((4,), low=-2.1, high=2.0)
def soft_sign(np, sp, x):
    return x / (1 + np.abs(x))


@entry((3,), (3,))
def polar(np, sp, x, y):
    return np.stack([np.sqrt(x**2 + y**2), np.arctan2(y, x)])


@entry((3,))
def spherical(np, sp, x):
    r, polar_angle, azimuth = x[0], x[1], x[2]
    across = r * np.sin(polar_angle)
    return np.stack([across * np.cos(azimuth), across * np.sin(azimuth), r * np.cos(polar_angle)])


@entry((1,), (2,))
def rotation(np, sp, angle, x):
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.concatenate([cosine * x[:1] - sine * x[1:], sine * x[:1] + cosine * x[1:]])


@entry((2, 3), (3,))
def joined(np, sp, a, b):
    both = np.concatenate([a, np.reshape(b * 2, (1, 3))], axis=0)
    return np.reshape(both, (9,))[::2] ** 2


@entry((3, 1), (1, 2), (2,))
def stretched(np, sp, a, b, c):
    return np.exp(a * b) - c / a


@entry((4,))
def gathered(np, sp, x):
    return x[numpy.array([2, 0, 2, 3])] ** 2 * x[numpy.array([0, 1, 2, 3])]


@entry((5,))
def reversed_product(np, sp, x):
    return x * np.exp(-x[::-1])


@entry((4,), low=-0.5, high=1.0)
def small_differences(np, sp, x):
    return np.expm1(x) - np.log1p(x)


@entry((3,), (3,), low=-2.0, high=2.0)
def binary_loss(np, sp, score, target):
    return np.mean(np.logaddexp(0.0, score) - score * target)


@entry((4,), (4,))
def cosine_similarity(np, sp, x, y):
    return np.dot(x, y) / (np.linalg.norm(x) * np.linalg.norm(y))


@entry((2, 2, 3), (2, 3, 2))
def stacked_products(np, sp, a, b):
    return np.tanh(a @ b)


@entry((3,), (3, 3))
def scaled_rows(np, sp, x, a):
    return np.diag(x) @ a @ np.diag(1 / x)


@entry((2, 3))
def repeated(np, sp, x):
    return np.repeat(x, 2, axis=1)[:, 1:] ** 2 * np.tile(x[0], 2)[:5]


@entry((3,), low=0.5, high=1.5)
def lorenz_steps(np, sp, u):
    x, y, z = u[0], u[1], u[2]
    for _ in range(3):
        x, y, z = (x + 0.1 * (y - x), y + 0.01 * (x * (28 - z) - y), z + 0.01 * (x * y - 2.7 * z))
    return np.stack([x, y, z])


@entry((2,), (1,))
def oscillator(np, sp, u, damping):
    x, speed = u[0], u[1]
    for _ in range(4):
        x, speed = x + 0.1 * speed, speed + 0.1 * (damping[0] * (1 - x**2) * speed - x)
    return x**2 + speed**2


@entry((3, 3))
def matrix_polynomial(np, sp, a):
    return a @ a - 3 * a + numpy.eye(3) + a.T


@entry((4,), (2,))
def mixture(np, sp, x, means):
    return np.sum(sp.logsumexp(-((x[:, None] - means[None, :]) ** 2), axis=1))


@entry((3, 2))
def centred_covariance(np, sp, x):
    moved = x - np.mean(x, axis=0)
    return moved.T @ moved / 2


@entry((4,))
def harmonic_mean(np, sp, x):
    return 4 / np.sum(1 / x)


@entry((3,), (3,))
def cross_product(np, sp, a, b):
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                     a[0] * b[1] - a[1] * b[0]])


@entry((2, 2), low=0.5, high=1.5)
def logarithm_of_volume(np, sp, a):
    sign, size = np.linalg.slogdet(a @ a.T + numpy.eye(2))
    return size + 0 * sign
