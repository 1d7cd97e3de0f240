"""What is wrong with one archive is counted on it, and not on the place where the others lie well."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0014_alarms_of_the_keystore'),
    ]

    operations = [
        migrations.AddField(
            model_name='archive',
            name='failures',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False, help_text='In a row, of this archive alone'),
        ),
        migrations.AddField(
            model_name='archive',
            name='last_error',
            field=models.CharField(blank=True, db_default='', default='', editable=False, help_text='Kind of error; never data', max_length=200),
        ),
        migrations.AddField(
            model_name='archive',
            name='next_try_at',
            field=models.DateTimeField(editable=False, help_text='Until then it is left alone', null=True),
        ),
    ]
