"""A double of ComfyUI for tests."""

from tests.comfyui_double.behaviour import Behaviour, NodeFault
from tests.comfyui_double.double import Double, running_double, small_picture
from tests.comfyui_double.requests import Request

__all__ = ["Behaviour", "Double", "NodeFault", "Request", "running_double", "small_picture"]
