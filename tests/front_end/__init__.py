"""ComfyUI's own front end in a browser, as the judge of the conversion of its files."""
