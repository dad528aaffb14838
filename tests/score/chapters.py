"""Which chapter an op of PyTorch's database belongs to, and which names the score leaves aside."""

from __future__ import annotations

from typing import Any

PREFIXES = {"nn.functional.": "nn", "linalg.": "linalg", "fft.": "fft", "special.": "special", "masked.": "masked"}
KINDS = {"UnaryUfuncInfo": "pointwise", "BinaryUfuncInfo": "pointwise", "ReductionOpInfo": "reduction"}
ASIDE = ("masked.", "sparse.", "to_sparse")  # counted apart: no part of the goal

BY_CHAPTER = {
    "linalg": """addbmm addmm addmv addr baddbmm bmm cdist cholesky cholesky_inverse cholesky_solve corrcoef cov cross
        dist dot einsum geqrf inner kron logdet lu lu_solve lu_unpack matmul matrix_exp mm mv norm ormqr outer
        pca_lowrank pinverse qr renorm svd svd_lowrank tensordot trace triangular_solve vdot __rmatmul__ stft""",
    "reduction": """aminmax logsumexp max mean median min mode nanmedian nanquantile nansum quantile std std_mean sum
        var var_mean kthvalue nanmean _segment_reduce sum_to_size""",
    "sorting": "argsort msort sort topk",
    "cumulative": "cummax cummin cumprod cumsum cumulative_trapezoid diff gradient logcumsumexp trapezoid trapz",
    "indexing": """__getitem__ _unsafe_masked_index _unsafe_masked_index_put_accumulate gather index_add index_copy
        index_fill index_put index_reduce index_select masked_fill masked_scatter masked_select put scatter scatter_add
        scatter_reduce take take_along_dim where""",
    "random": "bernoulli normal native_dropout_backward",
    "nn": """_batch_norm_with_update _native_batch_norm_legit _softmax_backward_data _upsample_bilinear2d_aa
        constant_pad_nd grid_sampler_2d grid_sampler_3d log_softmax max_pool2d_with_indices_backward native_batch_norm
        native_group_norm native_layer_norm softmax torch.ops.aten._safe_softmax.default""",
    "special": "mvlgamma polygamma",
    "pointwise": """addcdiv addcmul bfloat16 cdouble cfloat chalf clamp complex double fill float half lerp polar to
        zero_ conj_physical nan_to_num""",
}
NAMED = {name: chapter for chapter, names in BY_CHAPTER.items() for name in names.split()}


def chapter_of(op: Any) -> str:
    """The chapter of an ``OpInfo``; what nothing claims is about shape."""
    for prefix, chapter in PREFIXES.items():
        if op.name.startswith(prefix):
            return chapter
    return NAMED.get(op.name) or KINDS.get(type(op).__name__, "shape")


def counts(name: str) -> bool:
    """Whether an op of this name is part of the goal."""
    return not name.startswith(ASIDE)
