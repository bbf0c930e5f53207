"""Behaviour of the service that is not documented, each with a default and what is known of it.

Set one with `--switch name=value`, or over HTTP with `PUT /_local/switches`. A job keeps the values
that held when it was created.
"""

from __future__ import annotations

from sagemaker_local.switch import Switch

SWITCHES = (
    Switch(
        name="slice_end",
        default="exclusive",
        allowed=("exclusive", "inclusive"),
        known="AWS's page says $[1:4] is columns 2 to 5, but points to JavaScript's slice(), and "
        "published notebooks rely on $[:14] being 14 columns.",
    ),
    Switch(
        name="index_and_range",
        default="accept",
        allowed=("accept", "refuse"),
        known="The API reference shows $[0,5:]; a run-time message says that only single ranges "
        "are supported.",
    ),
    Switch(
        name="missing_name",
        default="fail",
        allowed=("fail", "null", "omit"),
        known="What a JSON name that a record lacks does is not documented.",
    ),
    Switch(
        name="bytes_per_mb",
        default=1048576,
        known="10^6 or 2^20 is not documented; servers' usual limits lie near 6 x 2^20.",
    ),
    Switch(
        name="payload_in_product",
        default="given",
        allowed=("given", "six-if-unset"),
        known="MaxConcurrentTransforms x MaxPayloadInMB must be at most 100; whether an unset "
        "MaxPayloadInMB counts as 6 is not documented.",
    ),
    Switch(
        name="blank_lines",
        default="send",
        allowed=("send", "skip"),
        known="Whether a blank line is a record is not documented.",
    ),
    Switch(
        name="carriage_returns",
        default="keep",
        allowed=("keep", "strip"),
        known="Whether \\r before a newline is part of a Line record is not documented.",
    ),
    Switch(
        name="empty_objects",
        default="by-split",
        allowed=("by-split", "send", "skip"),
        known="What an empty object makes is not documented; here one empty request under "
        "SplitType None, else none, and an output either way.",
    ),
    Switch(
        name="not_gzip",
        default="fail",
        allowed=("fail", "plain"),
        known="What CompressionType Gzip does to an object that is not gzip is not documented.",
    ),
    Switch(
        name="gz_in_output_keys",
        default="keep",
        allowed=("keep", "drop"),
        known="Whether the output of a.csv.gz is a.csv.gz.out is not documented.",
    ),
    Switch(
        name="chunked_requests",
        default="unlimited",
        allowed=("unlimited", "always"),
        known="MaxPayloadInMB 0 means chunked requests; whether others have a Content-Length is "
        "not documented.",
    ),
    Switch(
        name="strategy_without_split",
        default="ignore",
        allowed=("ignore", "refuse"),
        known="BatchStrategy has no effect under SplitType None; that it is refused is not said.",
    ),
    Switch(
        name="camel_case_strategy",
        default="accept",
        allowed=("accept", "ignore"),
        known="The documented answer of /execution-parameters says MULTI_RECORD; whether "
        "MultiRecord, which some containers answer, is understood is not known.",
    ),
    Switch(
        name="line_ends_in_requests",
        default="keep",
        allowed=("keep", "strip"),
        known="Whether a request of SplitType Line ends with its newline is not documented.",
    ),
    Switch(
        name="line_after_reply",
        default="if-missing",
        allowed=("if-missing", "always"),
        known="AssembleWith Line adds a newline after each reply; whether one that already ends "
        "with a newline gets a second is not documented.",
    ),
    Switch(
        name="records_without_assembly",
        default="lines",
        allowed=("lines", "glued"),
        known="With AssembleWith None replies are glued; whether the records of one reply that is "
        "filtered or joined are lines, or glued too, is not documented.",
    ),
    Switch(
        name="unsplittable",
        default="whole",
        allowed=("whole", "fail"),
        known="AWS's page says data that cannot be split is sent whole in one request; taken "
        "here to mean an object that does not begin like its SplitType.",
    ),
    Switch(
        name="wildcard_order",
        default="document",
        allowed=("document", "sorted"),
        known="In which order a wildcard gives the children of a JSON object is not documented.",
    ),
    Switch(
        name="json_numbers",
        default="keep",
        allowed=("keep", "go"),
        known="A record that is filtered or joined is read and written again; whether 1.0 becomes "
        "1 and whole numbers beyond 2^53 change, as in Go's encoding/json, was never seen.",
    ),
    Switch(
        name="json_html_escape",
        default=False,
        known="Error texts and key order point to Go, whose JSON spells <, > and & as \\u003c, "
        "\\u003e and \\u0026; never seen in output.",
    ),
    Switch(
        name="csv_quote_leading_blank",
        default=False,
        known="Go's CSV writer quotes a field that begins with a blank; never seen in output.",
    ),
    Switch(
        name="retried_statuses",
        default=("5xx",),
        known="Which statuses are retried is not documented; container logs show retried 500s "
        "and single 4xx.",
    ),
    Switch(
        name="retry_pause_seconds",
        default=0.05,
        known="The pause before a retry is not documented; it doubles with each.",
    ),
    Switch(
        name="default_timeout_seconds",
        default=600,
        known="The API reference says 600; CDK's says 60; a contributor measured 300.",
    ),
    Switch(
        name="default_retries",
        default=3,
        known="The API reference says 3; CDK's says 0; a contributor measured 0.",
    ),
    Switch(
        name="timeout_in_log",
        default="one-try",
        allowed=("one-try", "all-tries"),
        known="The seen text says 1200 seconds, which is more than one try's usual timeout; it may "
        "be that times the number of tries.",
    ),
    Switch(
        name="ping_timeout_seconds",
        default=1800.0,
        known="A job whose container never answered /ping was seen to fail after about 30 minutes.",
    ),
    Switch(
        name="ping_interval_seconds",
        default=0.25,
        known="Container logs show about one /ping a second; shorter here, to start sooner.",
    ),
    Switch(
        name="stop_grace_seconds",
        default=2.0,
        known="How long a container has between SIGTERM and SIGKILL is not documented.",
    ),
    Switch(
        name="container_log_limit_in_mb",
        default=256,
        known="A container that writes more fails its job here, so that it cannot fill the disk; "
        "the service documents no limit.",
    ),
    Switch(
        name="container_log_kept_lines",
        default=20000,
        known="Lines kept of each container's log; the service keeps all.",
    ),
    Switch(
        name="empty_manifest",
        default="refuse",
        allowed=("refuse", "complete"),
        known="A job with a manifest was seen to complete and write nothing; why is not known.",
    ),
    Switch(
        name="manifest_duplicates",
        default="once",
        allowed=("once", "each"),
        known="Whether a key that a manifest lists twice is transformed twice is not documented.",
    ),
    Switch(
        name="missing_manifest_key",
        default="fail",
        allowed=("fail", "refuse"),
        known="Whether a key that does not exist fails the job or its creation is not documented.",
    ),
    Switch(
        name="manifest_output_keys",
        default="relative",
        allowed=("relative", "whole"),
        known="Whether outputs of a manifest's objects are named by entry or by whole key is not "
        "documented.",
    ),
    Switch(
        name="prefix_inside_a_name",
        default="cut",
        allowed=("cut", "strip"),
        known="The output key of in/data.csv under the prefix in/da is not documented: it may be "
        "data.csv.out, the prefix cut at its last /, or ta.csv.out.",
    ),
    Switch(
        name="objects_on_instances",
        default="in-turn",
        allowed=("in-turn", "blocks"),
        known="Objects are divided by key; how is not documented, and users saw uneven shares.",
    ),
    Switch(
        name="unknown_job",
        default="ValidationException",
        allowed=("ValidationException", "ResourceNotFound"),
        known="DescribeTransformJob and StopTransformJob of a name that does not exist: the model "
        "says ResourceNotFound, callers saw ValidationException.",
    ),
    Switch(
        name="folder_markers",
        default="skip",
        allowed=("skip", "send"),
        known="Whether an empty object whose key ends with / is an input is not documented.",
    ),
    Switch(
        name="keep_outputs_of_stopped_job",
        default=True,
        known="AWS's page says a stopped job's results are not stored; whether objects finished "
        "before the stop are deleted is not documented.",
    ),
    Switch(
        name="names_on_csv",
        default="run-time",
        allowed=("run-time", "create-time"),
        known="A name in a filter of CSV data is an error; when it is reported is not documented.",
    ),
    Switch(
        name="instance_limit",
        default=100,
        known="The account's limit of instances per type for transform jobs; it differs between "
        "accounts. PUT /_local/limits sets one for a type.",
    ),
    Switch(
        name="provisioning_seconds",
        default=0.0,
        known="Seconds from creation to TransformStartTime; minutes on the service.",
    ),
    Switch(
        name="athena_unload",
        default="as_documented",
        allowed=("as_documented", "file_too_many", "service_fails"),
        known="What may go wrong with a query of Athena: a file that its manifest lacks, as a lost "
        "worker leaves one, or an error whose category is that of the service.",
    ),
    Switch(
        name="redshift_unload",
        default="as_documented",
        allowed=("as_documented", "conflict", "file_too_many", "manifest_disagrees"),
        known="What may go wrong with a batch that unloads: ERROR 1023 at its end, a file that the "
        "manifest lacks, or one of another number of rows than the manifest says.",
    ),
)
"""All switches."""
