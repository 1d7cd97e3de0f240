"""Names unique in any case, and decisions that name who decided."""

import django.core.validators
import django.db.models.functions.text
from django.db import migrations, models

PLAIN = django.core.validators.RegexValidator(
    "^[A-Za-z0-9][A-Za-z0-9._-]*$",
    "Use letters, digits, dots, hyphens and underscores; begin with a letter or a digit.",
)
HELP = "Required. Held to protect the service."


class Migration(migrations.Migration):
    dependencies = [("staff", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="staffmember",
            name="username",
            field=models.CharField(
                help_text=HELP, max_length=60, unique=True, validators=[PLAIN], verbose_name="user name"
            ),
        ),
        migrations.AlterField(
            model_name="historicalstaffmember",
            name="username",
            field=models.CharField(
                db_index=True, help_text=HELP, max_length=60, validators=[PLAIN], verbose_name="user name"
            ),
        ),
        migrations.AlterField(
            model_name="approval",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("open", "waiting"),
                    ("approved", "approved"),
                    ("rejected", "rejected"),
                    ("withdrawn", "withdrawn by who asked"),
                    ("void", "void: what was asked changed, or who asked left"),
                ],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="staffmember",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("username"),
                name="a_user_name_is_one_persons_in_any_case",
                violation_error_message="Somebody has this user name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="staffmember",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                name="an_e_mail_is_one_persons_in_any_case",
                violation_error_message="Somebody has this e-mail address already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ["approved", "rejected", "withdrawn"]), _negated=True)
                | models.Q(("decided_by__isnull", False)),
                name="a_decision_names_who_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict", "withdrawn"), _negated=True)
                | models.Q(("decided_by", models.F("asked_by"))),
                name="only_who_asked_withdraws",
            ),
        ),
    ]
