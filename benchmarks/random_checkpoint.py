"""A small checkpoint with random weights that ComfyUI loads like any other.

Run by ComfyUI's interpreter in its directory: ``python random_checkpoint.py FILE SEED``. The UNet
has one level instead of four; text encoder and VAE are those of Stable Diffusion 1.5. So a file has
half a gigabyte, which takes seconds to load, and renders a small picture in a fraction of one.
"""

import sys

sys.path.insert(0, ".")
file, seed = sys.argv[1], int(sys.argv[2])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402 - found in the working folder

comfy.options.enable_args_parsing()

import comfy.ops  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402
from comfy.ldm.models.autoencoder import AutoencoderKL  # noqa: E402
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel  # noqa: E402
from comfy.sd1_clip import SD1ClipModel  # noqa: E402

torch.manual_seed(seed)
half = {"dtype": torch.float16, "device": "cpu"}
unet = UNetModel(
    image_size=32,
    in_channels=4,
    out_channels=4,
    model_channels=320,
    num_res_blocks=[1],
    channel_mult=[1],
    transformer_depth=[1],
    transformer_depth_output=[1, 1],
    transformer_depth_middle=1,
    context_dim=768,
    num_heads=8,
    use_spatial_transformer=True,
    operations=comfy.ops.disable_weight_init,
    **half,
)
text = SD1ClipModel(**half)
vae = AutoencoderKL(
    embed_dim=4,
    ddconfig={
        "double_z": True,
        "z_channels": 4,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 128,
        "ch_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
)
parts = {
    "model.diffusion_model.": unet.state_dict(),
    "cond_stage_model.transformer.": {
        name.removeprefix("clip_l.transformer."): value
        for name, value in text.state_dict().items()
        if name.startswith("clip_l.transformer.")
    },
    "first_stage_model.": vae.state_dict(),
}
weights = {
    prefix + name: (torch.randn(value.shape) * 0.02).half()
    if value.is_floating_point()
    else value.contiguous()
    for prefix, part in parts.items()
    for name, value in part.items()
}
safetensors.torch.save_file(weights, file)
