from airflow import plugins_manager
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable

from batch_transform.timetable import PartitionTimetable


def test_airflow_loads_the_plugin_without_an_error():
    plugins, errors = plugins_manager._get_plugins()
    assert errors == {}
    assert "batch_transform" in {plugin.name for plugin in plugins}


def test_the_scheduler_gets_the_timetable_back_from_a_serialized_dag():
    timetable = PartitionTimetable("America/New_York", "02:00")
    copy = decode_timetable(encode_timetable(timetable))
    assert isinstance(copy, PartitionTimetable)
    assert copy.serialize() == timetable.serialize()
