"""The only account of the demo cloud: its user, and its devices as the API describes them."""

from typing import Any

from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.demo.server.encode import json_number
from belimo_nb.demo.server.oauth import USERNAME
from belimo_nb.demo.server.query import ApiError, iso

USER: dict[str, Any] = {
    "id": "dEm0uSeR",
    "email": USERNAME,
    "accountActivated": True,
    "locale": "en_US",
    "roles": [],
    "firstName": "Demo",
    "lastName": "Account",
}
_RELEASES = ("3.35.271-0", "3.33.207-0", "3.31.118-0")  # of the devices' software, newest first
USER_NAME = f"{USER['firstName']} {USER['lastName']}"


class Account:
    """The devices that the signed-in user sees. May be used from several threads, like the simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    @property
    def now(self) -> int:
        """The cloud's time, epoch seconds."""
        return self.simulation.now

    def devices(self, owner: str | None) -> list[DemoDevice]:
        """The devices of an owner (e-mail address or user id; None: all that the user sees), by production id."""
        return list(self.simulation.devices) if owner in (None, USER["id"], USER["email"]) else []

    def device(self, device_id: str) -> DemoDevice:
        """One device; 404 for an unknown id."""
        try:
            return self.simulation.device(device_id)
        except KeyError:
            raise ApiError(404, "not_found", f"there is no device {device_id!r}") from None

    def state(self, device: DemoDevice, at: int) -> dict[str, Any]:
        """The latest values at a time (epoch seconds), as the API writes them."""
        time, values = self.simulation.state(device, at)
        return {
            "timestamp": timestamp(time),
            "datapoints": {name: {"value": json_number(value)} for name, value in values.items()},
        }

    def describe(self, device: DemoDevice) -> dict[str, Any]:
        """The API's description of a device, without the fields that it never reported."""
        health, description = self.simulation.health(device)
        last_seen = self.simulation.last_seen(device)
        body: dict[str, Any] = {
            "id": device.id,
            "productionId": device.production_id,
            "displayName": device.name,
            "serialNumber": device.serial_number,
            "materialNumber": device.material_number,
            "deviceType": device.device_type,
            "productionDate": timestamp(device.production_date),
            "purpose": "PRODUCT",
        }
        if device.profile is not None:
            reference = "/".join(device.profile)
            body["dataprofile"] = {
                "entityId": reference,
                "ref": f"/definitions/dataprofiles/{reference}",
                "displayName": reference,
            }
            release = _RELEASES[self.simulation.releases_behind(device)]
            version = f"{device.profile[0]}/{release.split('.')[2].partition('-')[0]}"
            body["software"] = {"entityId": version, "ref": f"/software/versions/{version}"}
            body["runningSoftwareModules"] = {"csp": "2.14.2-0", "model": release, "bsp": "9.3.1-0"}
        body["health"] = {"onlineDays": self.simulation.online_days(device), "state": health}
        if last_seen is not None:
            body["health"]["lastSeen"] = timestamp(last_seen)
        if description is not None:
            body["health"]["description"] = description
        body |= {
            "owner": {
                "entityId": USER["id"],
                "ref": f"/users/{USER['id']}",
                "displayName": USER_NAME,
                "email": USER["email"],
            },
            "projectName": device.place.project,
            "addressCity": device.place.city,
            "addressCountry": device.place.country,
            "remoteControlEnabled": True,
            "claimingProtectionActive": False,
            "state": self.state(device, self.now),
        }
        return body


def timestamp(seconds: int) -> str:
    """The time of a device, event or state: ISO-8601 with milliseconds, as the API writes these."""
    return iso(seconds * 1000).replace("Z", ".000Z")
