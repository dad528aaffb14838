"""The transformer: layers of attention and of two linear maps, and stacks of them."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import full
from refgrad.engine.grad_mode import is_grad_enabled
from refgrad.engine.ops.multihead import canonical_mask
from refgrad.nn import functional as F
from refgrad.nn import init
from refgrad.nn.modules.activation import GELU, ReLU
from refgrad.nn.modules.attention import MultiheadAttention
from refgrad.nn.modules.container import ModuleList
from refgrad.nn.modules.dropout import Dropout
from refgrad.nn.modules.linear import Linear
from refgrad.nn.modules.module import Module
from refgrad.nn.modules.normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip


class _Layer(Module):
    """What the layers of both kinds are made of: attention to itself, two linear maps, norms and dropouts.

    Source: Vaswani et al., "Attention is all you need" (2017), section 3.1; ``norm_first``: Xiong et al., "On layer
    normalization in the transformer architecture" (2020).
    Errors: RuntimeError for an unknown activation.
    """

    attentions: tuple[str, ...]  # by name, in the order in which they are drawn and applied
    activation: Any
    norm_first: bool

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        made = {"bias": bias, "device": device, "dtype": dtype}
        for name in self.attentions:
            attention = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **made)
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm_first = norm_first
        blocks = range(1, len(self.attentions) + 2)
        for i in blocks:
            self.add_module(f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, **made))
        for i in blocks:
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = _named(activation) if isinstance(activation, str) else activation

    def _added(self, x: Any, number: int, block: Callable[[Any], Any]) -> Any:
        """``x`` plus what a block makes of it, normed before or after."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        return x + dropout(block(norm(x))) if self.norm_first else norm(x + dropout(block(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _attend(attention: Any, x: Any, memory: Any, mask: Any, padding: Any, is_causal: bool) -> Any:
    return attention(
        x, memory, memory, attn_mask=mask, key_padding_mask=padding, is_causal=is_causal, need_weights=False
    )[0]


class TransformerEncoderLayer(_Layer):
    """Attention to itself, then two linear maps.

    Shapes: src ``(S, N, E)``; with ``batch_first`` the batch comes first; or without one.
    """

    attentions = ("self_attn",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds: tuple[Any, Any] = (F.relu, ReLU), (F.gelu, GELU)
        same = (self.activation is function or isinstance(self.activation, kind) for function, kind in kinds)
        self.activation_relu_or_gelu = next((i for i, found in enumerate(same, 1) if found), 0)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        padding, mask = _canonical(src_key_padding_mask, "src_key_padding_mask", src_mask, "src_mask", src)
        x = self._added(src, 1, lambda x: _attend(self.self_attn, x, x, mask, padding, is_causal))
        return self._added(x, 2, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Attention to itself, attention to what the encoder made, then two linear maps.

    Shapes: tgt ``(T, N, E)``, memory ``(S, N, E)``; with ``batch_first`` the batch comes first; or without one.
    """

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        own, other = (tgt_mask, tgt_key_padding_mask, tgt_is_causal), (memory_mask, memory_key_padding_mask)
        x = self._added(tgt, 1, lambda x: _attend(self.self_attn, x, x, *own))
        x = self._added(x, 2, lambda x: _attend(self.multihead_attn, x, memory, *other, memory_is_causal))
        return self._added(x, 3, self._feed_forward)


class _Stack(Module):
    """Copies of one layer, one after the other, and a norm at the end."""

    norm: Any

    def __init__(self, layer: Any, num_layers: int, norm: Any = None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def _is_causal(self, x: Any, mask: Any, is_causal: bool | None) -> bool:
        """Whether the mask hides what comes later: as ``is_causal`` says, or else by its values."""
        if is_causal is not None or mask is None:
            return bool(is_causal)
        length = x.shape[1 if x.ndim == 3 and self.layers[0].self_attn.batch_first else 0]
        causal = _subsequent(length, dtype=mask.dtype)
        return bool(mask.shape == causal.shape and (mask == causal).all())


class TransformerEncoder(_Stack):
    """A stack of encoder layers.

    Shapes: as its layers'.
    """

    def __init__(
        self, encoder_layer: Any, num_layers: int, norm: Any = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = self.use_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        reason = _why_padded(encoder_layer)
        if enable_nested_tensor and reason:
            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because {reason}", stacklevel=2
            )
            self.use_nested_tensor = False

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Any:
        padding, mask = _canonical(src_key_padding_mask, "src_key_padding_mask", mask, "mask", src)
        is_causal = self._is_causal(src, mask, is_causal)
        output = src
        for layer in self.layers:
            output = layer(output, src_mask=mask, is_causal=is_causal, src_key_padding_mask=padding)
        if padding is not None and mask is None and self._drops_padding(src, padding):
            output = output.masked_fill((padding != 0).unsqueeze(-1), 0.0)
        return output if self.norm is None else self.norm(output)

    def _drops_padding(self, src: Any, padding: Any) -> bool:
        """Whether PyTorch takes the padding out, runs its kernel for inference, and gives zeros in its place."""
        if not self.use_nested_tensor or self.layers[0].training or src.ndim != 3:
            return False
        recorded = is_grad_enabled() and (
            src.requires_grad or any(p.requires_grad for p in self.layers[0].parameters())
        )
        at_the_end = bool((ops.diff((padding != 0).int(), dim=1) >= 0).all())
        return not recorded and (at_the_end or not self.mask_check)


class TransformerDecoder(_Stack):
    """A stack of decoder layers.

    Shapes: as its layers'.
    """

    def __init__(self, decoder_layer: Any, num_layers: int, norm: Any = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        tgt_is_causal = self._is_causal(tgt, tgt_mask, tgt_is_causal)
        output = tgt
        for layer in self.layers:
            output = layer(
                output, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    """An encoder and a decoder.

    Shapes: src ``(S, N, E)``, tgt ``(T, N, E)``; with ``batch_first`` the batch comes first; or without one.
    Source: Vaswani et al., "Attention is all you need" (2017).
    Errors: RuntimeError for batches or widths that differ.
    """

    encoder: Any
    decoder: Any

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: str | Callable[[Any], Any] = F.relu,
        custom_encoder: Any = None, custom_decoder: Any = None, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first)
        made = {"bias": bias, "device": device, "dtype": dtype}
        if custom_encoder is None:
            encoder_layer = TransformerEncoderLayer(*sizes, **made)
            norm = LayerNorm(d_model, eps=layer_norm_eps, **made)
            custom_encoder = TransformerEncoder(encoder_layer, num_encoder_layers, norm)
        self.encoder = custom_encoder
        if custom_decoder is None:
            decoder_layer = TransformerDecoderLayer(*sizes, **made)
            norm = LayerNorm(d_model, eps=layer_norm_eps, **made)
            custom_decoder = TransformerDecoder(decoder_layer, num_decoder_layers, norm)
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """A mask that hides what comes later: minus infinity above the diagonal."""
        return _subsequent(sz, device, dtype)

    def forward(
        self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.size(batch) != tgt.size(batch):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip


def _subsequent(size: int, device: Any = None, dtype: Any = None) -> Any:
    return ops.triu(full((size, size), float("-inf"), dtype=dtype, device=device), 1)


def _named(activation: str) -> Any:
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return getattr(F, activation)


def _canonical(padding: Any, padding_name: str, mask: Any, mask_name: str, like: Any) -> tuple[Any, Any]:
    """Both masks as numbers to add."""
    return (
        canonical_mask(padding, padding_name, mask, mask_name, like),
        canonical_mask(mask, mask_name, None, "", like),
    )


def _why_padded(layer: Any) -> str:
    """Why PyTorch would not take padding out of what goes through ``layer``; nothing where it would."""
    if not isinstance(layer, TransformerEncoderLayer):
        return "encoder_layer was not TransformerEncoderLayer"
    attention = layer.self_attn
    reasons = (
        (layer.norm_first, ".norm_first was True"),
        (
            not attention.batch_first,
            ".self_attn.batch_first was not True(use batch_first for better inference performance)",
        ),
        (not attention._qkv_same_embed_dim, ".self_attn._qkv_same_embed_dim was not True"),
        (attention.in_proj_bias is None, ".self_attn was passed bias=False"),
        (not layer.activation_relu_or_gelu, ".activation_relu_or_gelu was not True"),
        (layer.norm1.eps != layer.norm2.eps, ".norm1.eps was not equal to encoder_layer.norm2.eps"),
        (attention.num_heads % 2 == 1, ".self_attn.num_heads is odd"),
    )
    return next((f"encoder_layer{told}" for wrong, told in reasons if wrong), "")
