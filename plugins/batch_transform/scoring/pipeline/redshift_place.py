"""Which Redshift is asked, and as whom."""

from __future__ import annotations

from collections.abc import Iterator

from batch_transform.scoring.pipeline.fields import Place, Section, Text


class RedshiftPlace(Section):
    """Which Redshift is asked through its Data API, as whom, and by which role it uses S3.

    Attributes:
        workgroup: name of a workgroup of Redshift Serverless.
        cluster: instead: identifier of a provisioned cluster.
        database: name of the database.
        db_user: the user of a provisioned cluster, where ``secret`` names none.
        secret: ARN of a secret of Secrets Manager with user and password; without it and
            ``db_user``, the AWS connection's own identity is the user.
        iam_role: ARN of the role by which Redshift uses S3; ``default`` is its own default.
    """

    workgroup: Text | None = None
    cluster: Text | None = None
    database: Text
    db_user: Text | None = None
    secret: Text | None = None
    iam_role: Text = "default"

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the settings to one place and one user."""
        if (self.workgroup is None) == (self.cluster is None):
            yield (), "give either workgroup or cluster"
        if self.db_user is not None and (self.workgroup is not None or self.secret is not None):
            yield ("db_user",), "is of a cluster without a secret"

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the Data API's calls that say where, and as whom.

        https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_ExecuteStatement.html
        """
        named = {
            "WorkgroupName": self.workgroup,
            "ClusterIdentifier": self.cluster,
            "Database": self.database,
            "DbUser": self.db_user,
            "SecretArn": self.secret,
        }
        return {name: value for name, value in named.items() if value}
