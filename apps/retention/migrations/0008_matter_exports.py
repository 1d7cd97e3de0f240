"""Exports of a matter for counsel."""

import apps.retention.models.exports
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('holds', '0002_what_is_held_stays_held'),
        ('retention', '0007_what_keeps_a_row_is_asked_again'),
    ]

    operations = [
        migrations.CreateModel(
            name='MatterExport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.exports.export_reference, editable=False, max_length=20, unique=True)),
                ('reason', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=300)),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('approved', 'approved, not done yet'), ('rejected', 'Rejected'), ('done', 'Done')], default='proposed', editable=False, max_length=10)),
                ('asked_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('asked_at', models.DateTimeField(editable=False)),
                ('decided_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('taken_at', models.DateTimeField(editable=False, help_text='When it was taken last, whole', null=True)),
                ('takings', models.PositiveIntegerField(default=0, editable=False)),
                ('lines', models.BigIntegerField(editable=False, null=True)),
                ('sha256', models.BinaryField(max_length=32, null=True)),
                ('matter', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='holds.matter')),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('approve_matterexport', "Can approve or reject that a matter's messages leave for counsel")],
                'constraints': [models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR'), name='nobody_approves_the_export_they_asked_for')],
            },
        ),
    ]
