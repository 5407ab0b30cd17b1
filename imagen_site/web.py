"""Run the web process: `python -m imagen_site.web`, on an address or an inherited socket."""

import argparse
import os
import signal
import socket

import uvicorn

from imagen_site import env, launch
from imagen_site.stack import local_url

GRACEFUL_SHUTDOWN_S = 5


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; open requests get a few seconds to end."""
    with launch.orderly_process():
        options = _parse_options()
        # uvicorn raises the signal that ended it once more: an ordinary exit, not a traceback.
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
        config = uvicorn.Config(
            "imagen_site.asgi:application",
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=env.access_log(),
            proxy_headers=True,
            forwarded_allow_ips=env.trusted_proxies(),
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
        )
        if options.fd is None:
            os.environ["IMAGEN_WEB_URL"] = local_url(options.host, options.port)
            sockets = None
        else:
            sockets = [socket.socket(fileno=options.fd)]
        uvicorn.Server(config).run(sockets=sockets)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m imagen_site.web",
        description="Serve Imagen's pages and REST API. One process is enough for one machine; "
        "the pictures are painted by `manage.py imagen_worker`.",
    )
    parser.add_argument(
        "--host",
        default=env.listen_host(),
        help="the address to listen on (IMAGEN_HOST, default 127.0.0.1)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=env.listen_port(),
        help="the port to listen on (IMAGEN_PORT, default 8009)",
    )
    parser.add_argument("--fd", type=int, help="a listening socket inherited from the parent")
    return parser.parse_args()


if __name__ == "__main__":
    main()
