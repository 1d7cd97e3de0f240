"""An event is of a known act and came by a known way."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consents", "0003_first_purposes")]

    operations = [
        migrations.AddConstraint(
            model_name="consentevent",
            constraint=models.CheckConstraint(
                name="an_act_and_a_way_are_known_ones",
                condition=models.Q(
                    act__in=["expired", "given", "refused", "withdrawn"],
                    how__in=["api", "clock", "import", "one_click", "preference_page", "signal", "staff"],
                ),
            ),
        ),
    ]
