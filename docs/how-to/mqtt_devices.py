"""Devices of an MQTT broker that report, and dashboards that see their reports.

docs/how-to/test-an-mqtt-broker.md explains it.
"""

from __future__ import annotations

import aiomqtt
from traitlets import Float, Int, Unicode

import murmur


class Devices(murmur.Scenario):
    """The first users are dashboards, and all others are devices that report to them."""

    host = Unicode("127.0.0.1", help="host of the broker")
    port = Int(1883, min=1, max=65535, help="port of the broker")
    dashboards = Int(2, min=0, help="users that see every report")
    pace = Float(10.0, min=0.01, help="seconds between two reports of a device")
    qos = Int(1, min=0, max=2, help="quality of service, of reports and subscriptions")
    patience = Float(5.0, min=0, help="seconds that connecting or a report may take")

    async def start(self, user: murmur.User) -> None:
        """Be connected, and connect again after each end, as devices do."""
        role = self.watch if user.id <= self.dashboards else self.report
        while True:
            client = aiomqtt.Client(
                self.host, self.port, identifier=f"murmur-{user.id}", timeout=self.patience
            )
            try:
                try:
                    with user.timer("connect"):
                        await user.wait_for(client.__aenter__(), timeout=self.patience)
                    await role(user, client)
                finally:  # also after half a connect, whose socket would stay open
                    await client.__aexit__(None, None, None)
            except (aiomqtt.MqttError, OSError, TimeoutError):
                user.count("interruptions")
                await user.sleep(user.random.uniform(0.5, 1.5))

    async def watch(self, user: murmur.User, client: aiomqtt.Client) -> None:
        """Take every report, and how long it was on its way."""
        with user.timer("subscribe"):
            await user.wait_for(client.subscribe("reports/#", qos=self.qos))
        async for message in user.iterate(client.messages):
            user.arrived(message.payload)

    async def report(self, user: murmur.User, client: aiomqtt.Client) -> None:
        """Report now and then; the devices are spread over the pace."""
        await user.sleep(user.random.uniform(0, self.pace))
        while True:
            with user.timer("publish"):
                stamp = user.stamp("report", expected=self.dashboards)
                await user.wait_for(client.publish(f"reports/{user.id}", stamp, qos=self.qos))
            await user.sleep(self.pace)
