"""The modules that carry money and data and decide without I/O, and the unit tests of each room."""

# Without test_densities.py, test_any_mix.py and test_fast.py, which take as long as all others.
_RECOVERY = tuple(
    f"recovery/test_{name}.py"
    for name in (
        "any_bad",
        "cuts",
        "evidence",
        "limits",
        "resume",
        "rounds",
        "spans",
        "state",
        "suspects",
    )
)
_OUTPUTS = tuple(
    f"outputs/test_{name}.py"
    for name in (
        "answers",
        "coverage",
        "fetch",
        "id_proof",
        "levelled",
        "reconcile",
        "replies",
        "sent",
        "shapes",
        "staged",
        "values",
    )
)
_JOBS = tuple(
    f"jobs/test_{name}.py"
    for name in ("blame", "codes", "end", "look", "memory", "owners", "progress", "start")
)

_REQUESTS = tuple(f"test_request{part}.py" for part in ("", "_checks", "_fields"))

MODULES = {
    # of batch_transform/scoring: tests below tests/unit/scoring
    "records/ids.py": ("test_identity.py", "test_records.py", "test_shards.py", "test_join.py"),
    "records/lines.py": ("test_records.py", "test_reshape.py"),
    "records/nested.py": (
        "test_nested.py",
        "test_records.py",
    ),
    "records/scalars.py": ("test_records.py", "test_reshape.py"),
    "records/texts.py": ("test_records.py", "test_reshape.py"),
    "extract/shards.py": ("test_shards.py", "test_join.py", "test_extract.py"),
    "outputs/answers.py": _OUTPUTS,
    "outputs/coverage.py": _OUTPUTS,
    "outputs/id_proof.py": _OUTPUTS,
    "outputs/levelled.py": _OUTPUTS,
    "outputs/reconcile.py": (*_OUTPUTS, "test_groups.py"),
    "outputs/replies.py": _OUTPUTS,
    "recovery/cuts.py": _RECOVERY,
    "recovery/decisions.py": _RECOVERY,
    "recovery/judgement.py": _RECOVERY,
    "recovery/limits.py": _RECOVERY,
    "recovery/search.py": _RECOVERY,
    "recovery/spans.py": _RECOVERY,
    "recovery/suspects.py": _RECOVERY,
    "jobs/blame.py": (*_JOBS, *_RECOVERY),
    "jobs/end.py": _JOBS,
    "jobs/memory.py": (*_JOBS, "test_models.py"),
    "jobs/owners.py": _JOBS,
    "jobs/pacing.py": _JOBS,
    "jobs/request.py": (
        *_JOBS,
        "test_request.py",
        "test_request_checks.py",
        "test_request_fields.py",
    ),
    "jobs/request_checks.py": (
        "test_request.py",
        "test_request_checks.py",
        "test_request_fields.py",
    ),
    "partition.py": ("test_partition.py",),
    "names.py": ("test_layout.py", "test_names.py", *_JOBS, "test_manifest.py"),
    "planning/effort.py": ("planning/",),
    "publish/judge.py": ("test_checks.py",),
    "publish/profile.py": ("test_profiles.py", "test_checks.py", "test_groups.py"),
    "retention/expiry.py": ("retention/",),
    "capacity/stages.py": (
        "test_stages.py",
        "test_capacity.py",
    ),
    "tuning/uphill.py": ("tuning/",),
    "pipeline/filepattern.py": ("test_filepattern.py",),
}
