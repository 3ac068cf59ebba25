"""Pictures of briefs in the input folders of servers, where ``LoadImage`` finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_graph.graph import Node
    from adapters.comfyui_server.pool import Server
    from adapters.comfyui_server.server_workflow import ServerWorkflow
    from application.ports.input_pictures import InputPicture


class PictureUploads:
    """Uploads each picture once to each server. Safe from several threads.

    The name of a copy is made of its content, so that a server has it still after a restart of
    this program; whether it does is asked before every job, since people tidy that folder up.
    """

    def __init__(self) -> None:
        # Where a server chose another name: by server and SHA-256.
        self._names: dict[tuple[str, str], str] = {}

    def place(
        self,
        server: Server,
        workflow: ServerWorkflow,
        graph: Mapping[str, Node],
        pictures: Mapping[str, InputPicture],
    ) -> None:
        """See to it that a server has the pictures of a job, and name its copies in the graph.

        Args:
            server: the server that will run the graph.
            workflow: says which inputs take which picture.
            graph: with the job's values; changed where the server chose another name.
            pictures: of the job, by path.

        Raises:
            ServerError: it did not take one of them.
        """
        for path, picture in pictures.items():
            name = self._name_on(server, picture)
            for target in workflow.targets.get(path, ()):
                graph[target.node_id]["inputs"][target.input] = name

    def _name_on(self, server: Server, picture: InputPicture) -> str:
        key = (server.name, picture.sha256)
        name = self._names.get(key, picture.input_name)
        if server.client.has_input(name, len(picture.content)):
            return name
        name = server.client.upload(picture.input_name, picture.content)
        if name == picture.input_name:
            self._names.pop(key, None)
        else:
            self._names[key] = name
        return name
