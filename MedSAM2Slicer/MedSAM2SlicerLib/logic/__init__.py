"""What the active effect does: seeds to prompts, answers to previews and voxels."""
