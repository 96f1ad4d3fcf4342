"""The routes of the demo cloud."""

from typing import TYPE_CHECKING, Any

from tornado.web import Application

from belimo_nb.demo.server import archive, devices, history
from belimo_nb.demo.server.account import Account
from belimo_nb.demo.server.api import AnswerHandler, ApiHandler, ArchiveHandler, DownloadHandler
from belimo_nb.demo.server.handler import NotFound, TokenHandler
from belimo_nb.demo.server.query import Query

if TYPE_CHECKING:
    from belimo_nb.demo.cloud import DemoCloud

API_VERSION = "3.5.0"
API = "/api/v3"
TOKEN = "/oauth/token"  # noqa: S105 - a path
ARCHIVE = "/v1/archive"


def api_info(account: Account, query: Query) -> dict[str, str]:
    """`/api-info`: the version of the API."""
    return {"version": API_VERSION}


def application(cloud: "DemoCloud") -> Application:
    """The application that Tornado serves for a cloud."""
    device = "/devices/([^/]+)"
    profiles = "/definitions/dataprofiles"
    answers: list[tuple[str, type[AnswerHandler], dict[str, Any]]] = [
        ("/api-info", AnswerHandler, {"answer": api_info, "quick": True}),
        ("/user", ApiHandler, {"answer": devices.user, "quick": True}),
        ("/devices", ApiHandler, {"answer": devices.device_list}),
        ("/devices/stats", ApiHandler, {"answer": devices.stats}),
        (device, ApiHandler, {"answer": devices.device}),
        (f"{device}/data", ApiHandler, {"answer": devices.data}),
        (f"{device}/data/history/timeseries", ApiHandler, {"answer": history.timeseries}),
        (f"{device}/data/history/datapoints/([^/]+)", ApiHandler, {"answer": history.samples}),
        (f"{device}/data/download", DownloadHandler, {"answer": history.download}),
        (f"{device}/timeline", ApiHandler, {"answer": devices.timeline}),
        (profiles, ApiHandler, {"answer": devices.profile_list, "scope": "read:dataprofile"}),
        (f"{profiles}/([^/]+)/([^/]+)", ApiHandler, {"answer": devices.profile, "scope": "read:dataprofile"}),
    ]
    routes: list[Any] = [(API + path, handler, {"cloud": cloud, **more}) for path, handler, more in answers]
    routes.append((TOKEN, TokenHandler, {"cloud": cloud}))
    routes.append((ARCHIVE, ArchiveHandler, {"cloud": cloud, "answer": archive.archive}))
    return Application(
        routes,
        default_handler_class=NotFound,
        default_handler_args={"cloud": cloud},
        log_function=lambda handler: None,  # `requests` is the log; a notebook's user does not want another
    )
