"""ComfyUI as a server: a job for each brief, over HTTP and a WebSocket."""
