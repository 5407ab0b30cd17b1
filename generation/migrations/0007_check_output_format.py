from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("generation", "0006_memory")]

    operations = [
        ValidateConstraint(model_name="generationjob", name="job_output_format_is_known"),
    ]
