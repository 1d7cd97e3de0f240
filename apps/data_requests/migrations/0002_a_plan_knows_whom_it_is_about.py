"""A plan names the exceptions that were known when it was made, and knows whom it is about until the erasure ends; providers hear by machine."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("data_requests", "0001_requests_plans_and_proof"),
    ]

    operations = [
        migrations.CreateModel(
            name="ErasureHook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(help_text="By reference.", max_length=20, unique=True)),
                (
                    "url",
                    models.URLField(
                        help_text="https only; it gets references, and no data of anybody.", max_length=300, verbose_name="address"
                    ),
                ),
                ("set_by", models.CharField(editable=False, help_text="By reference.", max_length=60)),
                ("set_at", models.DateTimeField(editable=False)),
            ],
            options={
                "ordering": ["provider"],
                "default_permissions": ("view", "add", "change"),
            },
        ),
        migrations.AddField(
            model_name="plan",
            name="exceptions",
            field=models.JSONField(default=list, help_text="[{ground, about}] known when it was made, by reference"),
        ),
        migrations.AddField(
            model_name="plan",
            name="subject",
            field=models.BinaryField(
                editable=False,
                help_text="Whom it is about, sealed under `request/<reference>` from the beginning of an erasure to its end.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="erasurehook",
            constraint=models.CheckConstraint(condition=models.Q(("url__startswith", "https://")), name="a_hook_is_reached_encrypted"),
        ),
    ]
