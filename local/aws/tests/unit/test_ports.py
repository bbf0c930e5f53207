import socket

from sagemaker_local.transform.ports import Ports


def test_no_port_is_given_twice_at_a_time():
    ports = Ports()
    with ports.reserved(300) as first, ports.reserved(300) as second:
        assert len({*first, *second}) == 600
        for port in (*first[:5], *second[:5]):
            socket.create_server(("127.0.0.1", port)).close()


def test_a_port_somebody_listens_on_is_not_given():
    ports = Ports()
    with ports.reserved(1) as (port,):
        pass
    ports._next = port
    with socket.create_server(("127.0.0.1", port)), ports.reserved(1) as (other,):
        assert other != port
