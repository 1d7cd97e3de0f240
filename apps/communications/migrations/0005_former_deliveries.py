"""Deliveries of people who were erased stay as numbers, which point to nobody."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('communications', '0004_nobody_hears_of_us_unasked'),
    ]

    operations = [
        migrations.CreateModel(
            name='FormerDeliveries',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(help_text='As the report of a circular calls it.', max_length=12)),
                ('count', models.PositiveIntegerField()),
                ('circular', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='former_deliveries', to='communications.circular')),
            ],
            options={
                'verbose_name_plural': 'former deliveries',
                'ordering': ['circular', 'outcome'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('circular', 'outcome'), name='an_outcome_is_counted_once_per_circular'), models.CheckConstraint(condition=models.Q(('count__gt', 0)), name='what_is_counted_is_there')],
            },
        ),
    ]
