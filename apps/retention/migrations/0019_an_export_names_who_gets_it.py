"""An export of a matter names who gets it, and its taking the disclosure; what was asked for before names nobody, and is asked for anew."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0018_what_leaves_has_its_disclosure'),
    ]

    operations = [
        migrations.AddField(
            model_name='matterexport',
            name='recipient',
            field=models.CharField(default='', editable=False, help_text='Who gets it, by reference; empty: asked for before there was a gate', max_length=20),
        ),
        migrations.AddField(
            model_name='matterexport',
            name='disclosure',
            field=models.CharField(default='', editable=False, help_text='Of the last taking, by reference', max_length=20),
        ),
    ]
