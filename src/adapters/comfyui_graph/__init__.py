"""A workflow as ComfyUI's API takes it: its graph, which inputs take which field, what is wrong."""
