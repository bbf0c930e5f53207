from airflow import plugins_manager
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable

from batch_transform.plugin import BatchTransformPlugin
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


def test_what_forked_processes_need_is_there_before_they_are_forked():
    from batch_transform.scoring.jobs.request_bounds import shapes

    shapes.cache_clear()
    BatchTransformPlugin.on_load()
    assert shapes.cache_info().currsize == 1
    assert "CreateTransformJobRequest" in shapes()
