"""The table by which a request sent twice is registered once."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='RememberedRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_digest', models.BinaryField(max_length=32)),
                ('body_digest', models.BinaryField(help_text='Required. Held to make the service work.', max_length=32)),
                ('made_at', models.DateTimeField()),
                ('organization', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('person', models.ForeignKey(help_text='Required. Held to make the service work.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.person')),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.servicetoken')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['made_at'], name='remembered_request_age')],
                'constraints': [models.UniqueConstraint(fields=('token', 'key_digest'), name='a_key_counts_once_per_token')],
            },
        ),
    ]
