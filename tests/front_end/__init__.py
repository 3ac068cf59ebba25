"""ComfyUI's own front end in a browser, as a reference for the conversion of its files."""
