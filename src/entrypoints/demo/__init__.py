"""A workspace that shows the main job on a machine without GPU and without ComfyUI."""
