"""The mask decoder's transformer: prompt tokens and image tokens attend to each other."""

from torch import Tensor, nn

from .layers import MLP, Attention, MLPBlock

Mlp = type[MLP] | type[MLPBlock]
"""The feed-forward layer, whose tensors SAM and SAM 2 call otherwise."""


class TwoWayAttentionBlock(nn.Module):
    """Tokens attend to themselves, to the image, pass a feed-forward layer; the image attends back."""

    def __init__(self, dim: int, heads: int, feedforward: int, mlp: Mlp, is_first: bool):
        super().__init__()
        self.is_first = is_first
        self.self_attn = Attention(dim, heads)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_attn_token_to_image = Attention(dim, heads, dim // 2)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = mlp(dim, feedforward, dim)
        self.norm3 = nn.LayerNorm(dim)
        self.norm4 = nn.LayerNorm(dim)
        self.cross_attn_image_to_token = Attention(dim, heads, dim // 2)

    def forward(
        self, tokens: Tensor, image: Tensor, token_pe: Tensor, image_pe: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Update tokens (B, N, dim) and image (B, H * W, dim)."""
        if self.is_first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        tokens = tokens + self.cross_attn_token_to_image(tokens + token_pe, image + image_pe, image)
        tokens = self.norm2(tokens)
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = image + self.cross_attn_image_to_token(image + image_pe, tokens + token_pe, tokens)
        return tokens, self.norm4(image)


class TwoWayTransformer(nn.Module):
    """Two two-way blocks and a last look of the tokens at the image (``TwoWayTransformer``)."""

    def __init__(self, dim: int, heads: int, feedforward: int, mlp: Mlp = MLP):
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayAttentionBlock(dim, heads, feedforward, mlp, is_first=index == 0) for index in range(2)
        )
        self.final_attn_token_to_image = Attention(dim, heads, dim // 2)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(self, image: Tensor, image_pe: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Image (B, H * W, dim), its position codes and tokens (B, N, dim), which are their own codes."""
        token_pe = tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_pe, image_pe)
        q = tokens + token_pe
        tokens = tokens + self.final_attn_token_to_image(q, image + image_pe, image)
        return self.norm_final_attn(tokens), image
